"""The control of the fakes, their log, and the process they run in."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import requests
from services import ROOT, Service

from fakes.conftest import Get


def test_the_control_refuses_what_it_does_not_know(service: Service) -> None:
    before = service.state()
    for state in (
        {"nights": 1},
        {"down": "maybe"},
        {"faults": {"plague": 1}},
        {"faults": {"slow": {"share": 1, "often": True}}},
        {"faults": {"slow": {"share": 1, "on": ["moon"]}}},
    ):
        answer = requests.post(service.urls["control"], json={"latency": 1} | state, timeout=10)
        assert answer.status_code == 400 and answer.json()["error"]
        assert service.state() == before


def test_the_log_tells_what_was_asked(service: Service, get: Get, song: dict[str, Any]) -> None:
    get(get("deezer", f"/track/{song['deezer']}").json()["preview"])
    get("deezer", f"/track/isrc:{song['isrc']}")
    get("deezer", "/track/1")
    get("itunes", f"/lookup?id={song['itunes']},2")
    log = service.log()
    assert log["requests"]["api"] == {"deezer": {"track": 3}, "itunes": {"lookup": 1}}
    assert sum(log["requests"]["media"]["deezer"].values()) == 1
    assert log["tracks"] == {
        "deezer": {song["deezer"]: {"media": 1, "resolve": 2}, "1": {"resolve": 1}},
        "itunes": {song["itunes"]: {"resolve": 1}, "2": {"resolve": 1}},
    }
    service.clear_log()
    assert service.log()["tracks"] == {}


def test_connections_are_used_again(service: Service, get: Get, session: requests.Session) -> None:
    for _ in range(5):
        get("deezer", "/genre")
    pools = session.get_adapter(service.urls["deezer"]).poolmanager.pools  # type: ignore[attr-defined]
    (pool,) = map(pools.get, pools.keys())
    assert (pool.num_connections, pool.num_requests) == (1, 5)


def test_many_clients_at_once_all_get_answers(service: Service, song: dict[str, Any]) -> None:
    def ask(_: int) -> int:
        with requests.Session() as session:
            url = f"{service.urls['deezer']}/track/{song['deezer']}"
            links = [session.get(url, timeout=30).json()["preview"] for _ in range(5)]
            return sum(session.get(link, timeout=30).status_code == 200 for link in links)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [5] * 8
    assert service.log()["tracks"]["deezer"][song["deezer"]] == {"resolve": 40, "media": 40}


def test_a_new_process_starts_calm_and_draws_the_same_faults(clips: Path) -> None:
    drawn = []
    for _ in range(2):
        with Service(clips, tracks_per_genre=4, pool=1, latency=0) as service:
            assert service.state()["rate"] == {"limit": 50, "seconds": 5.0}
            assert service.environment()["AUDIOGENRE_DEEZER_URL"] == service.urls["deezer"]
            service.set(faults={"error_503": 0.5})
            url = f"{service.urls['deezer']}/genre"
            drawn.append([requests.get(url, timeout=10).status_code for _ in range(20)])
    assert drawn[0] == drawn[1] and set(drawn[0]) == {200, 503}


def test_the_fake_does_not_outlive_who_started_it(clips: Path) -> None:
    script = (
        "import os, sys; from services import Service; "
        "service = Service(sys.argv[1]).__enter__(); "
        "print(service._process.pid, flush=True); os._exit(0)"
    )
    where = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)])}
    told = subprocess.run(
        [sys.executable, "-c", script, str(clips)], env=where, stdout=subprocess.PIPE, check=True
    )
    try:
        psutil.Process(int(told.stdout)).wait(timeout=10)
    except psutil.NoSuchProcess:
        return

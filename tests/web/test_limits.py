"""So much and no more: size, number and length of uploads, and room in the queue."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from .conftest import MODEL, running, written

MEGABYTE = 1 << 20


def predict(client: httpx.Client, *clips: tuple[str, bytes]) -> httpx.Response:
    return client.post("/api/predict", files=[("file", each) for each in clips])


def test_a_file_that_is_too_large_says_so(client: httpx.Client) -> None:
    answer = predict(client, ("huge.wav", bytes(33 * MEGABYTE)))
    (found,) = answer.json()["predictions"]
    assert found["error"] == "too large: files may have 32 MB; half a minute is enough"


def test_a_request_that_is_too_large_is_cut_off(client: httpx.Client) -> None:
    def endless() -> object:
        yield b"--x\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n"
        for _ in range(80):
            yield bytes(MEGABYTE)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    try:
        answer = client.post("/api/predict", content=endless(), headers=headers)
    except (httpx.WriteError, httpx.RemoteProtocolError):
        return  # the connection was closed while there was more to be sent
    assert answer.status_code == 413


def test_too_many_files_and_fields_are_refused(client: httpx.Client) -> None:
    assert predict(client, *[("a", b"abc")] * 21).status_code == 400
    fields = {f"field{i}": "" for i in range(30)}
    assert client.post("/api/predict", data=fields, files={"f": b""}).status_code == 400


def test_a_long_clip_is_listened_to_for_half_a_minute(client: httpx.Client) -> None:
    rng = np.random.default_rng(1)
    y = rng.uniform(-0.5, 0.5, 600 * 8000).astype(np.float32)
    (found,) = predict(client, ("long.flac", written(y, 8000, "FLAC"))).json()["predictions"]
    assert found["seconds"] == pytest.approx(30, abs=0.1)


def test_no_name_is_a_path(client: httpx.Client, mp3_bytes: bytes, sample_data: Path) -> None:
    before = sorted(sample_data.rglob("*"))
    names = ["../../../tmp/x.mp3", "/etc/passwd", "..\\..\\boot.ini", "a\x00b.mp3", "\u202egpj.mp3"]
    for name in names:
        (found,) = predict(client, (name, mp3_bytes)).json()["predictions"]
        assert found["error"] is None
        assert not set(found["path"]) & {"/", "\\", "\x00", "\u202e"}
    assert sorted(sample_data.rglob("*")) == before
    for track in ("../../../etc/passwd", "%2e%2e%2fcatalog.db", "/etc/passwd"):
        assert client.get(f"/audio/{track}").status_code == 404
        assert client.post("/api/predict", data={"track": track}).status_code == 404


def test_when_there_is_no_room_it_says_when_to_come_back(
    sample_data: Path, sample_models: Path, mp3_bytes: bytes
) -> None:
    options = ("--data", sample_data, "--models", sample_models, "--model", MODEL)
    limits = ("--jobs", "1", "--queue", "2")
    with running(*options, *limits) as url, httpx.Client(timeout=60) as client:

        def ask(_: int) -> httpx.Response:
            return client.post(f"{url}/api/predict", files={"file": ("a.mp3", mp3_bytes)})

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(12)))
        counts = Counter(each.status_code for each in answers)
        assert set(counts) == {200, 503}, counts
        refused = [each for each in answers if each.status_code == 503]
        assert all(int(each.headers["retry-after"]) > 0 for each in refused)
        assert "try again in" in refused[0].json()["detail"]
        assert ask(0).status_code == 200  # there is room again


def test_slow_uploads_do_not_keep_others_out(client: httpx.Client, mp3_bytes: bytes) -> None:
    go_on = threading.Event()

    def slowly() -> object:
        yield b"--x\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n"
        go_on.wait(30)
        yield b"abc\r\n--x--\r\n"

    def drip(_: int) -> int:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        with httpx.Client(base_url=client.base_url, timeout=60) as own:
            return own.post("/api/predict", content=slowly(), headers=headers).status_code

    with ThreadPoolExecutor(6) as pool:
        slow = [pool.submit(drip, i) for i in range(6)]
        time.sleep(0.3)
        found = predict(client, ("a.mp3", mp3_bytes)).json()["predictions"]
        go_on.set()
        assert found[0]["label"] == "lantern waltz"
        assert {each.result() for each in slow} == {200}

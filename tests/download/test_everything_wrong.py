"""Services that fail in every way at once: what heals is fetched, the rest has its reason."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Downloads
from services import Service
from services.faults import NAMES
from services.world import TWIN, draw

from audiogenre import net
from download.conftest import (
    DAY,
    HOUR,
    TWO,
    asked_about,
    assert_files_are_those_recorded,
    partials,
    songs_of,
)

LONG = 8 * DAY  # longer than any patience
SHARE = 0.05


def assert_every_song_is_accounted_for(downloads: Downloads, items: set[str]) -> None:
    previews, ledger = downloads.previews(), downloads.ledger()
    known = downloads.known()
    names = {(known[item].artist, known[item].title) for item in previews}
    for item in items - previews.keys() - ledger.keys():
        # What is neither there nor failed is there under another id.
        assert (known[item].artist, known[item].title) in names, item
    assert not previews.keys() & ledger.keys()
    assert all(each.reason and each.detail for each in ledger.values())


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_whatever_goes_wrong_everything_is_fetched_in_the_end(
    services: Service, downloads: Downloads
) -> None:
    passing = set(NAMES) - {"long_wait", "no_data", "null_tracks"}
    services.set(
        faults=dict.fromkeys(passing, SHARE), rate={"limit": 50, "seconds": 5}, latency=0.01
    )
    songs = songs_of(services, "Rock", "Jazz")
    misses = {item for item, each in songs.items() if not each["has_preview"]}
    wanted = songs.keys() - misses
    for _ in range(6):
        previews, ledger = downloads.previews(), downloads.ledger()
        services.clear_log()
        code, _ = downloads.run("deezer", *TWO)
        assert code in (0, 1), downloads.err
        log = services.log()
        assert log["busiest_5s"] <= 50
        assert log["quota_hits"] == 0
        final = {item for item, each in ledger.items() if each.next_try is None}
        # A twin and its song are one song to the log.
        assert not asked_about(services) & (previews.keys() | final)
        for item, preview in previews.items():
            assert downloads.previews()[item] == preview
        assert not partials(downloads.data)
        downloads.let_time_pass(LONG)
        if {each.reason for each in downloads.ledger().values()} == {"no preview"}:
            break
    assert_every_song_is_accounted_for(downloads, wanted)
    assert {each.reason for each in downloads.ledger().values()} == {"no preview"}
    by_song = {int(each["deezer"]) % TWIN: each for each in services.catalogue() if each["deezer"]}
    for item in downloads.ledger():
        assert not by_song[int(item.partition(":")[2]) % TWIN]["has_preview"]
    assert len(downloads.previews()) > 0.9 * len(wanted)
    assert_files_are_those_recorded(downloads)


STICKY_SHARE = 0.06
# What a fault that stays with a song makes of it, by where it happens.
STICKY = {
    "deezer": {
        "quota": "rate limit",
        "busy": "busy",
        "no_data": "not found",
        "half_json": "bad answer",
        "expired": "no audio",
    },
    "media": {
        "rate_limited_bare": "rate limit",
        "error_500": "server error",
        "error_503": "server error",
        "hanging": "timeout",
        "reset": "connection",
        "html": "not audio",
        "html_as_audio": "not audio",
        "redirect_loop": "redirects",
        "short_body": "truncated",
        "wrong_length": "connection",
    },
}


def true_reason(song: dict[str, Any]) -> str | None:
    """Return what must become of a song, by the dice of the fake; None if it is fetched."""
    if not song["has_preview"]:
        return "no preview"
    for place in ("deezer", "media"):
        for name in NAMES:  # the first that is drawn happens
            if name in STICKY[place] and draw(0, name, song["isrc"]) < STICKY_SHARE:
                return STICKY[place][name]
    return None


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_what_never_heals_is_in_the_ledger_with_its_true_reason(
    services: Service, downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where nearly all that is asked for fails, it looks like a host that is down.
    monkeypatch.setattr(net, "_DOWN_AFTER", 1000)
    services.set(
        faults={
            name: {"share": STICKY_SHARE, "sticky": True, "on": [place]}
            for place, names in STICKY.items()
            for name in names
        }
    )
    songs = songs_of(services, "Rock", "Jazz")
    expected = {item: true_reason(each) for item, each in songs.items()}
    reasons = {item: reason for item, reason in expected.items() if reason}
    assert len(set(reasons.values())) > 5, "the dice show too few faults"
    code, result = downloads.run("deezer", *TWO)
    assert (code, result["failed"]) == (1, len(reasons))
    assert {item: each.reason for item, each in downloads.ledger().items()} == reasons
    assert downloads.previews().keys() == expected.keys() - reasons.keys()

    final = {item for item, each in reasons.items() if each in ("no preview", "not found")}
    services.clear_log()
    code, result = downloads.run("deezer", *TWO)
    assert asked_about(services) == reasons.keys() - final, "only what may have healed"
    assert {item: each.reason for item, each in downloads.ledger().items()} == reasons
    attempts = {item: each.attempts for item, each in downloads.ledger().items()}
    assert attempts == {item: 1 if item in final else 2 for item in reasons}
    services.clear_log()
    assert downloads.run("deezer", *TWO)[0] == 0
    assert asked_about(services) == set(), "an hour has not passed yet"

    services.set(faults={})
    downloads.let_time_pass(HOUR)
    assert downloads.run("deezer", *TWO)[0] == 0
    assert downloads.ledger().keys() == final
    assert downloads.run("deezer", *TWO, "--retry-failed")[0] == 1
    assert {each.reason for each in downloads.ledger().values()} == {"no preview"}
    assert_files_are_those_recorded(downloads)

"""What is done with a track follows from what is known of it, and where its preview lies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acquisition.conftest import HERE
from audiogenre.catalog import Failure, Preview
from audiogenre.decisions import decide
from audiogenre.previews import raw_path
from audiogenre.typing import Track

TRACK = Track("folder:1", "folder", path=Path("/a.wav"))
FETCHED = Track("sample:1", "sample")
LISTED = Track("table:1", "table", features={"spotify": {"energy": 0.5}}, audio=False)
GONE = Preview("", "abc", 10, 6.0, 20)


def failure(version: str) -> Failure:
    return Failure("x", "download", "truncated", "half", version=version)


@pytest.mark.parametrize(
    ("track", "preview", "failed", "version", "step"),
    [
        (TRACK, None, None, "10-20", "register"),
        (TRACK, HERE, None, "10-20", "known"),
        (TRACK, HERE, None, "11-20", "register"),
        (TRACK, HERE, None, "10-21", "register"),
        (TRACK, None, failure("10-20"), "10-20", "wait"),
        (TRACK, None, failure("10-20"), "11-20", "register"),
        (FETCHED, None, None, None, "fetch"),
        (FETCHED, HERE, None, "10-20", "known"),
        (FETCHED, HERE, None, None, "fetch"),
        (FETCHED, GONE, None, None, "known"),
        (FETCHED, None, failure(""), None, "wait"),
        (LISTED, None, None, None, "list"),
    ],
)
def test_what_is_done_follows_from_what_is_known(
    track: Track, preview: Preview | None, failed: Failure | None, version: str | None, step: str
) -> None:
    found = decide(track, preview=preview, failure=failed, version=version, retry_failed=False)
    assert found == step


@pytest.mark.parametrize(
    ("next_try", "retry_failed", "step"),
    [
        (None, False, "wait"),
        (None, True, "fetch"),
        (99.0, False, "fetch"),
        (100.0, False, "fetch"),
        (101.0, False, "wait"),
        (101.0, True, "fetch"),
    ],
)
def test_what_has_failed_is_tried_again_when_it_is_due(
    next_try: float | None, retry_failed: bool, step: str
) -> None:
    failed = replace(failure(""), next_try=next_try)
    options: dict[str, Any] = {"preview": None, "failure": failed, "version": None}
    assert decide(FETCHED, **options, retry_failed=retry_failed, now=100.0) == step


@given(
    track=st.sampled_from([TRACK, FETCHED, LISTED]),
    preview=st.sampled_from([None, HERE, GONE]),
    failed=st.sampled_from([None, failure(""), failure("10-20")]),
    version=st.sampled_from([None, "10-20", "11-20"]),
)
def test_a_retry_differs_only_where_something_waits(
    track: Track, preview: Preview | None, failed: Failure | None, version: str | None
) -> None:
    known = {"preview": preview, "failure": failed, "version": version}
    once = decide(track, **known, retry_failed=False)
    again = decide(track, **known, retry_failed=True)
    assert again != "wait"
    assert once in ("wait", again)
    assert (once == "wait") <= (failed is not None)


@given(
    name=st.text(min_size=1, max_size=40), source=st.sampled_from(["sample", "deezer", "jamendo"])
)
def test_a_preview_lies_below_raw_whatever_its_id(name: str, source: str) -> None:
    path = raw_path(Track(f"{source}:{name}", source))
    assert path.parts[:2] == ("raw", source)
    assert len(path.parts) == 4
    assert len(path.parts[2]) == 2
    assert path.suffix == ".mp3"
    assert not {"/", "\0", "..", "."} & {path.stem}


@given(one=st.text(min_size=1, max_size=40), other=st.text(min_size=1, max_size=40))
@example(one="a/b", other="a_b")
@example(one="a.b", other="a b")
def test_two_previews_of_a_source_never_share_a_file(one: str, other: str) -> None:
    paths = {raw_path(Track(f"deezer:{name}", "deezer")) for name in (one, other)}
    assert len(paths) == len({one, other})

"""Trying again what has failed, and nothing else, without being told where it came from."""

from __future__ import annotations

import pytest
from conftest import Downloads
from scripted import Scripted, answer, audio

from audiogenre.retry import retry
from audiogenre.sources.deezer import DeezerSource

from .test_ledger import scripted_deezer

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def one_failed(
    script: Scripted, downloads: Downloads, mp3_bytes: bytes, monkeypatch: pytest.MonkeyPatch
) -> Scripted:
    """Return a service that has not given the audio of one of two tracks, and now would."""
    arguments = scripted_deezer(script, {"id": 1, "title": "Tide"}, {"id": 2, "title": "Ebb"})
    script.on("/1.mp3", answer("oops", 500))
    script.on("/2.mp3", audio(mp3_bytes))
    assert downloads.run("deezer", *arguments)[0] == 1
    assert list(downloads.ledger()) == ["deezer:1"]
    script.on("/1.mp3", audio(mp3_bytes))
    monkeypatch.setenv(DeezerSource.URL_VARIABLE, script.url)
    return script


def test_only_what_failed_is_asked_for(one_failed: Scripted, downloads: Downloads) -> None:
    listed, asked = one_failed.count("/playlist/7/tracks"), one_failed.count("/2.mp3")
    said: list[str] = []
    assert retry(downloads.data, said.append) == "1 of 1 went well this time"
    assert said[0] == "asking deezer for 1 previews again"
    assert downloads.ledger() == {}
    assert set(downloads.previews()) == {"deezer:1", "deezer:2"}
    assert one_failed.count("/playlist/7/tracks") == listed
    assert one_failed.count("/2.mp3") == asked


def test_what_fails_again_keeps_its_place(one_failed: Scripted, downloads: Downloads) -> None:
    one_failed.on("/1.mp3", answer("oops", 500))
    assert retry(downloads.data, lambda said: None) == "nothing new"
    (failure,) = downloads.ledger().values()
    assert (failure.item, failure.attempts) == ("deezer:1", 2)


def test_terms_that_nobody_accepted_are_not_accepted_here(
    one_failed: Scripted, downloads: Downloads
) -> None:
    downloads.change("DELETE FROM consents")
    asked = one_failed.count("/1.mp3")
    said = retry(downloads.data, lambda said: None)
    assert said.startswith("nothing new; the terms of deezer have to be accepted first")
    assert one_failed.count("/1.mp3") == asked

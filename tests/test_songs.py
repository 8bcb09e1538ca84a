"""The same song is found again under other spellings, and never taken for another one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from audiogenre.songs import SAME_LENGTH, SongIndex, normalise, plain, same_length, song_keys
from audiogenre.splits import connect
from audiogenre.typing import Track


@dataclass(frozen=True)
class Row:
    artist: str = ""
    title: str = ""
    isrc: str = ""
    sha256: str = ""
    duration: float | None = None


def songs(*rows: Row) -> list[int]:
    """Number rows by song, in the order in which songs appear."""
    groups = connect(song_keys(rows)).tolist()
    return [list(dict.fromkeys(groups)).index(each) for each in groups]


# ---------------------------------------------------------------- titles


@pytest.mark.parametrize(
    "title",
    [
        "Héros",
        "HEROS",
        "  Heros ",
        "Heros (feat. A & B)",
        "Heros [Feat A]",
        "Heros ft. A",
        "Heros featuring A, B",
        "Heros (Remastered 2011)",
        "Heros - 2009 Remaster",
        "Heros – Remastered",
        "Heros - Stereo / Remastered 2012",
        "Heros - 2011 Remastered Version",
        "Heros (24-bit Digital Remaster)",
        "Heros (2015 Remaster) (Deluxe Edition)",
        "Heros (Deluxe)",
        "Heros (feat. A) [25th Anniversary Edition]",
        "Heros (Explicit)",
        "Heros (Album Version)",
        "Heros (Original Mix)",
        "Heros (Bonus Track)",
        "Heros (Official Music Video)",
        "Heros（Remastered）",
    ],
)
def test_spellings_and_packagings_of_a_song_are_one_title(title: str) -> None:
    assert normalise(title) == "heros"


@pytest.mark.parametrize(
    "title",
    [
        "Heros (Live)",
        "Heros - Live at Home (Remastered 2011)",
        "Heros - Live / Remastered",
        "Heros (Deluxe Mix)",
        "Heros (A Remix)",
        "Heros feat. A (Remix)",
        "Heros feat. A Remix",
        "Heros - 2018 Mix",
        "Heros (Acoustic)",
        "Heros - Instrumental",
        "Heros (Demo)",
        "Heros (Radio Edit)",
        "Heros (A's Version)",
        "Heros (Pt. 2)",
        "Heros, Pt. 2",
        "Heros II",
        "Heros (1983)",
        "Heros (With Strings)",
        "Heros (Official Acoustic Video)",
        "Heros (Bonus Beats)",
        "My Heros",
        "Remastered",
    ],
)
def test_other_versions_and_other_songs_keep_a_title_of_their_own(title: str) -> None:
    assert normalise(title) != "heros"


def test_no_two_titles_of_different_songs_become_one() -> None:
    titles = [
        "!!!",
        "???",
        "6 ft. Under",
        "6",
        "Featuring",
        "Featuring (Live)",
        "Deluxe",
        "(Remastered)",
        "कल",
        "काल",
        "が",
        "か",
        "Version 1.5",
        "Version 15",
        "C",
        "With",
        "()",
    ]
    normal = [normalise(each) for each in titles]
    assert len(set(normal)) == len(titles)
    assert all(normal)


def test_with_is_a_credit_only_of_the_artists_there_are() -> None:
    title = "10,000 Hours (with Justin Bieber)"
    assert normalise(title, ["dan + shay", "justin bieber"]) == "10 000 hours"
    assert normalise("The Bones - with Hozier", ["maren morris", "hozier"]) == "the bones"
    assert normalise(title) == "10 000 hours with justin bieber"
    assert normalise("Alone (With You)", ["heart"]) == "alone with you"


@given(some.text())
def test_what_is_fit_for_comparing_stays_as_it_is(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    assert bool(plain(text)) == bool(normalise(text)) == bool(text.split())


# ---------------------------------------------------------------- rows of a dataset


def test_a_song_is_known_by_isrc_audio_or_artist_and_title() -> None:
    assert songs(Row(isrc="US-A1"), Row(isrc="usa1"), Row(isrc="USA2")) == [0, 0, 1]
    assert songs(Row(sha256="ab"), Row(sha256="ab"), Row(), Row()) == [0, 0, 1, 2]
    same = (Row("The Band feat. Her", "One  Song"), Row("THE BAND", "one song (Remastered)"))
    assert songs(*same, Row("Another Band", "one song"), Row("", "one song")) == [0, 0, 1, 2]
    assert songs(Row("Beyoncé", "Halo"), Row("BEYONCE", "Halo")) == [0, 0]


def test_other_isrcs_do_not_make_other_songs() -> None:
    assert songs(Row("A", "B", isrc="X1"), Row("A", "B", isrc="X2")) == [0, 0]


def test_tracks_of_nobody_or_without_a_title_are_not_one_song() -> None:
    nobody = [Row("Various Artists", "Intro"), Row("", "Intro"), Row("A", ""), Row("A", "")]
    assert songs(*nobody) == [0, 1, 2, 3]


def test_lengths_that_differ_make_different_songs_of_one_name() -> None:
    rows = [Row("A", "B", duration=each) for each in (200.0, 260.0, 201.5, 202.0, 259.0)]
    assert songs(*rows) == [0, 1, 0, 0, 1]


@pytest.mark.parametrize("unknown", [None, float("nan")])
def test_a_length_that_is_not_known_goes_with_the_most(unknown: float | None) -> None:
    def row(duration: float | None) -> Row:
        return Row("A", "B", duration=duration)

    assert songs(row(unknown), row(200.0)) == [0, 0]
    assert songs(row(unknown), row(unknown)) == [0, 0]
    assert songs(row(300.0), row(200.0), row(unknown), row(200.5)) == [0, 1, 1, 1]


def test_isrc_and_audio_tie_what_lengths_part() -> None:
    first, second = Row("A", "B", "X1", "ab", 200.0), Row("A", "B", duration=260.0)
    assert songs(first, replace(second, isrc="x-1")) == [0, 0]
    assert songs(first, replace(second, sha256="ab")) == [0, 0]
    assert songs(first, second) == [0, 1]


lengths = some.lists(some.integers(0, 80).map(lambda x: 200 + x / 4), min_size=1, max_size=12)


@given(lengths, some.integers(0, 99))
def test_no_song_spans_more_than_lengths_allow_in_whatever_order(
    drawn: list[float], seed: int
) -> None:
    rows = [Row("A", "B", duration=each) for each in drawn]
    found = songs(*rows)
    for (a, first), (b, second) in combinations(zip(found, drawn, strict=True), 2):
        assert a != b or abs(first - second) <= SAME_LENGTH
    assert found.count(0) == len(drawn) or max(drawn) - min(drawn) > SAME_LENGTH
    order = np.random.default_rng(seed).permutation(len(rows))
    again = songs(*(rows[i] for i in order))
    pairs = {(found[i], again[place]) for place, i in enumerate(order)}
    assert len(pairs) == len(set(found)) == len(set(again))


# ---------------------------------------------------------------- tracks one at a time

KNOWN = Track("a:1", "a", title="One Song", artist="Band", isrc="US-A1", duration=200.0)


def test_a_song_from_another_source_is_found() -> None:
    index = SongIndex([KNOWN])
    assert index.find(Track("b:1", "b", isrc="usa1")) == "a:1"
    named = Track("b:1", "b", title="ONE SONG (Remastered 2009)", artist="band feat. X")
    assert index.find(named) == "a:1"
    assert index.find(replace(named, duration=202.0)) == "a:1"
    assert index.find(replace(named, duration=202.1)) is None
    assert index.find(replace(named, duration=300.0, isrc="US-A1")) == "a:1"
    assert index.find(replace(named, isrc="USA2")) == "a:1"
    assert index.find(replace(named, title="One Song (Live)")) is None
    assert index.find(replace(named, artist="Various Artists")) is None
    assert index.find(Track("b:1", "b")) is None


def test_a_track_is_never_found_by_itself() -> None:
    index = SongIndex([KNOWN, KNOWN])
    assert index.find(KNOWN) is None
    other = replace(KNOWN, id="b:1", duration=None)
    index.add(other)
    assert (index.find(KNOWN), index.find(other)) == ("b:1", "a:1")


@given(some.lists(some.sampled_from([None, 200.0, 201.0, 203.0, 260.0]), min_size=2, max_size=8))
def test_what_is_found_one_at_a_time_has_a_length_that_allows_it(
    drawn: list[float | None],
) -> None:
    index, by_id = SongIndex(), {}
    for number, duration in enumerate(drawn):
        track = Track(f"a:{number}", "a", title="B", artist="A", duration=duration)
        found = index.find(track)
        allowed = [known for known in by_id.values() if same_length(known.duration, duration)]
        assert (found is None) == (not allowed)
        assert found is None or by_id[found] in allowed
        index.add(track)
        by_id[track.id] = track


@given(some.text(alphabet=some.characters(max_codepoint=127)))
@example("&")
def test_ascii_is_taken_apart_as_all_other_text_is(text: str) -> None:
    if any(each.isalnum() or each == "&" for each in text):  # which is the word "and"
        assert plain(text) == plain(f"{text} \u0301")  # an accent, which falls away
    else:
        assert plain(text) == " ".join(text.split())

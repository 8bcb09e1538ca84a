"""What goes where and why: the pure part of playlists, as laws over everything people do."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiogenre.liked.plan import change, decide, marked, marker, place
from audiogenre.liked.records import (
    UNKNOWN,
    Answer,
    NoAnswer,
    Placement,
    Plan,
    Playlist,
    Song,
    State,
    There,
    User,
    Wishes,
)

ROCK = Wishes(("rock",))
HERE = Playlist("p", "mine", "")


def song(key: object, **more: Any) -> Song:
    return Song(str(key), f"spotify:track:{key}", **more)


def placed(*keys: object, genre: str = "rock") -> list[Placement]:
    return [Placement(song(key), (genre,)) for key in keys]


def ids(songs: tuple[Song, ...]) -> list[str]:
    return [each.id for each in songs]


# where a song belongs

SURE, UNSURE = Answer({"rock": 0.8}, "rock", 0.8), Answer({"rock": 0.3}, "rock", 0.3)
FOREIGN = Answer({}, "rock", 0.9, known=False)
SEVERAL = Answer({"rock": 0.9, "folk": 0.4}, "rock", 0.9)
NO_LABEL = Answer({}, "rock", 0.9)
SILENT = NoAnswer("no audio: not found")
BOTH = Wishes(("rock", "jazz"), min_probability=0.5, unknown=True)
NARROW = Wishes(("jazz",), min_probability=0.5)


@pytest.mark.parametrize(
    ("answer", "wishes", "goes", "why"),
    [
        (SURE, BOTH, ("rock",), ""),
        (SURE, NARROW, (), "another genre"),
        (UNSURE, BOTH, (UNKNOWN,), ""),
        (UNSURE, NARROW, (), "less likely than 0.5"),
        (FOREIGN, BOTH, (UNKNOWN,), ""),
        (FOREIGN, NARROW, (), "unlike anything the model knows"),
        (SEVERAL, Wishes(("folk", "rock")), ("folk", "rock"), ""),
        (SEVERAL, Wishes(("folk", "rock"), min_probability=0.5), ("rock",), ""),
        (SEVERAL, Wishes(("folk",), 0.5, unknown=True), (), "less likely than 0.5"),
        (SEVERAL, BOTH, ("rock",), ""),
        (SEVERAL, NARROW, (), "another genre"),
        (NO_LABEL, BOTH, (), "none of the model's labels"),
        (SILENT, BOTH, (), "no audio: not found"),
    ],
)
def test_a_song_goes_where_the_model_says_or_nowhere_for_a_reason(
    answer: Answer | NoAnswer, wishes: Wishes, goes: tuple[str, ...], why: str
) -> None:
    found = place(song(1), answer, wishes, {})
    assert (found.playlists, found.why, found.by_hand) == (goes, why, False)
    assert found.undecided == (answer is SILENT)


@pytest.mark.parametrize("answer", [SURE, FOREIGN, SILENT])
def test_a_person_counts_for_more_than_the_model(answer: Answer | NoAnswer) -> None:
    moved = place(song(1), answer, BOTH, {"1": "jazz"})
    assert (moved.playlists, moved.by_hand, moved.undecided) == (("jazz",), True, False)
    out = place(song(1), answer, BOTH, {"1": None})
    assert (out.playlists, out.why, out.undecided) == ((), "left out by hand", False)
    elsewhere = place(song(1), answer, BOTH, {"1": "folk"})
    assert (elsewhere.playlists, elsewhere.why) == ((), "another genre")


# what to do with a song and a playlist


@pytest.mark.parametrize(
    ("wanted", "present", "state", "step", "after"),
    [
        (True, False, None, "add", None),
        (True, False, "adding", "add", None),  # begun and not done
        (True, True, "adding", "keep", "in"),  # done before the run was killed
        (True, False, "in", "stay out", "out"),  # taken out by hand
        (True, False, "out", "stay out", "out"),
        (True, False, "removing", "add", None),  # removed by us, and wanted again
        (True, True, None, "keep", "own"),  # put there by hand: not ours
        (True, True, "own", "keep", "own"),
        (False, True, None, "leave", "own"),
        (False, True, "own", "leave", "own"),
        (True, False, "own", "stay out", "out"),
        (False, False, "own", "leave", "out"),
        (False, True, "out", "leave", "out"),  # put back by hand
        (False, True, "in", "remove", "in"),
        (False, True, "removing", "remove", "in"),
        (False, False, "removing", "leave", None),
        (False, False, "in", "leave", "out"),
        (None, True, "in", "keep", "in"),
        (None, True, None, "keep", "own"),
        (None, False, "in", "leave", "out"),
    ],
)
def test_a_step_follows_from_what_is_wanted_there_and_remembered(
    wanted: bool | None, present: bool, state: State | None, step: str, after: State | None
) -> None:
    assert decide(wanted, present=present, state=state) == (step, after)


@pytest.mark.parametrize("state", ["in", "own", "out"])
def test_what_a_person_asks_for_now_is_added_though_it_was_taken_out_before(state: State) -> None:
    assert decide(True, present=False, state=state, forced=True) == ("add", None)


def test_a_playlist_known_by_its_marker_counts_as_ours_as_far_as_it_is_wanted() -> None:
    assert decide(True, present=True, state=None, adopted=True) == ("keep", "in")
    assert decide(False, present=True, state=None, adopted=True) == ("leave", "own")


@pytest.mark.parametrize(
    ("wanted", "present", "state"),
    [*itertools.product((True, False, None), (True, False), (None, *get_args(State)))],
)
def test_doing_a_step_leaves_nothing_to_do(
    wanted: bool | None, present: bool, state: State | None
) -> None:
    step, after = decide(wanted, present=present, state=state)
    if step == "add":
        present, after = True, "in"
    elif step == "remove":
        present, after = False, None
    again, settled = decide(wanted, present=present, state=after)
    assert again not in ("add", "remove")
    assert settled == after


# a whole playlist


def test_a_change_lists_what_differs_in_the_order_of_the_liked_songs() -> None:
    there = There(HERE, (song(2), song(9), song(7)), {"2": "in", "7": "in", "5": "in"})
    found = change("rock", there, placed(4, 2, 5, 3), ROCK)
    assert ids(found.add) == ["4", "3"]
    assert ids(found.remove) == ["7"]  # and not 9, which a person has put there
    assert ids(found.stay_out) == ["5"]
    assert (found.kept, found.name, found.action) == (1, "mine", "update")
    assert found.settled == {"5": "out"}


def test_a_song_of_which_nothing_is_known_stays_where_it_is() -> None:
    silent = [Placement(song(1), why="no audio", undecided=True)]
    found = change("rock", There(HERE, (song(1),), {"1": "in"}), silent, ROCK)
    assert not found.is_needed and found.kept == 1


def test_a_song_that_is_listed_under_another_id_is_known_by_its_recording() -> None:
    liked = [Placement(song("a", isrc="X1"), ("rock",))]
    there = There(HERE, (song("b", isrc="X1"),), {"a": "in"})
    assert not change("rock", there, liked, ROCK).is_needed
    gone = change("rock", there, [Placement(song("a", isrc="X1"))], ROCK)
    assert [(each.id, each.uri) for each in gone.remove] == [("a", "spotify:track:b")]


def test_two_liked_songs_of_one_recording_are_two_songs() -> None:
    liked = [Placement(song(key, isrc="X1"), ("rock",)) for key in "ab"]
    there = There(HERE, (song("a", isrc="X1"),), {"a": "in"})
    assert ids(change("rock", there, liked, ROCK).add) == ["b"]


def test_a_deleted_playlist_stays_away_unless_it_is_asked_for() -> None:
    there = There(None, (), {"1": "in", "2": "out"}, deleted=True)
    assert change("rock", there, placed(1, 2), ROCK).action == "deleted"
    assert not change("rock", there, placed(1, 2), ROCK).is_needed
    anew = change("rock", there, placed(1, 2), dataclasses.replace(ROCK, recreate=True))
    assert anew.action == "create"
    assert (ids(anew.add), ids(anew.stay_out)) == (["1"], ["2"])


def test_a_song_that_is_liked_no_more_is_forgotten() -> None:
    there = There(HERE, (song(3),), {"1": "out", "2": "in", "3": "out"})
    assert change("rock", there, [], ROCK).settled == {"1": None, "2": None, "3": None}


def test_no_playlist_is_made_for_no_songs() -> None:
    assert not change("rock", There(), [], ROCK).is_needed


@given(st.text(min_size=1))
def test_a_marker_is_found_in_whatever_surrounds_it(genre: str) -> None:
    assert marked(f"My &#x2F; own &amp; words {marker(genre)} and more [x]") == genre
    assert marked(f"{genre} without") is None or "[audiogenre:" in genre


def test_a_plan_is_plain_data() -> None:
    changes = (change("rock", There(), placed(1), ROCK),)
    left = Placement(song(2, title="x"), why="another genre")
    plan = Plan(User("u", "U"), "m", ROCK, (*placed(1), left), changes, {"local files": 2})
    told = json.loads(json.dumps(plan.as_json(), allow_nan=False))
    assert told["left_out"] == {"another genre": 1}
    assert told["changes"][0]["needed"] is True
    assert told["placements"][0]["playlists"] == ["rock"]
    assert told["skipped"] == {"local files": 2}


KEYS = st.sampled_from("abcdef")
PEOPLE = st.lists(
    st.tuples(st.sampled_from(["put", "take", "like", "unlike", "model", "sync", "kill"]), KEYS),
    max_size=25,
)


@given(PEOPLE)
def test_whatever_people_do_and_wherever_a_run_is_killed_their_word_counts(
    events: list[tuple[str, str]],
) -> None:
    """A playlist is never given a song twice, nor one that a person has taken out of it."""
    liked, rock = dict.fromkeys("abcdef"), set("abc")
    there: list[str] = []
    states: dict[str, State] = {}
    refused: set[str] = set()
    own: set[str] = set()
    seen: set[str] = set()  # by the last run, whoever has put them there
    for event, key in [*events, ("sync", "a")]:
        if event == "put" and key not in there:
            there.append(key)
            if states.get(key, "out") in ("own", "out"):
                own.add(key)
            if states.get(key, "out") != "out":  # nobody can tell that it was away
                refused.discard(key)
        elif event == "take" and key in there:
            there.remove(key)
            if key in seen:
                refused.add(key)
            own.discard(key)
        elif event == "like":
            liked[key] = None
        elif event == "unlike":
            liked.pop(key, None)
        elif event == "model":
            rock ^= {key}
        elif event in ("sync", "kill"):
            placements = [Placement(song(k), ("rock",) if k in rock else ()) for k in liked]
            at = There(HERE, tuple(map(song, there)), dict(states))
            found = change("rock", at, placements, ROCK)
            refused &= liked.keys()  # what is liked no more is forgotten
            seen = (liked.keys() & {*there}) - {*ids(found.remove)}
            for k, state in found.settled.items():
                states.pop(k, None)
                if state:
                    states[k] = state
            if event == "sync" or key in "abc":  # killed before or after Spotify has done it
                there = [k for k in there if k not in ids(found.remove)]
                there += ids(found.add)
            for k in ids(found.add):
                states[k] = "in" if event == "sync" else "adding"
                seen |= {k} if event == "sync" else set()
            for k in ids(found.remove):
                states.pop(k)
                if event == "kill":
                    states[k] = "removing"
            assert not set(ids(found.add)) & refused
            assert not set(ids(found.remove)) & own
            assert len(there) == len(set(there))
    assert set(there) - own == (set(liked) & rock) - refused - own

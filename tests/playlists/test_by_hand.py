"""What people do to their playlists by hand, at Spotify and on the page, is kept."""

from __future__ import annotations

from typing import Any

import pytest
from services import CLIENT_ID

from audiogenre.bundles import load_bundle
from audiogenre.errors import UsageError
from audiogenre.liked.memory import memory_path
from audiogenre.liked.records import Wishes
from audiogenre.liked.session import Session
from audiogenre.liked.sync import Written
from playlists.conftest import ELECTRO, MODEL, ROCK, Person


def test_a_song_taken_out_by_hand_stays_out(person: Person) -> None:
    person.run("apply")
    name, rock = f"Liked: {ROCK}", person.wanted(ROCK)
    person.change(name, songs=rock[2:])
    for _ in range(3):
        code, told = person.run("apply")
        assert (code, told["added"]) == (0, 0)
    assert person.written()[name] == rock[2:]
    _, plan = person.run("plan")
    assert {each["id"] for each in plan["changes"][0]["stay_out"]} == set(rock[:2])
    person.change(name, songs=rock)  # put back by hand
    person.run("apply")
    assert person.written()[name] == rock


def test_a_song_put_in_by_hand_stays_in(person: Person) -> None:
    person.run("apply")
    name, own = f"Liked: {ROCK}", person.wanted(ELECTRO)[:3]
    person.change(name, songs=[*own, *person.wanted(ROCK)])
    code, told = person.run("apply")
    assert (code, told["removed"]) == (0, 0)
    assert person.written()[name] == [*own, *person.wanted(ROCK)]


def test_a_playlist_keeps_the_name_and_the_words_that_it_was_given(person: Person) -> None:
    person.run("apply")
    key = person.playlist(f"Liked: {ROCK}")
    person.service.library(playlists={key: {"name": "Loud", "description": "mine"}})
    person.like(person.songs[:-40])
    code, told = person.run("apply")
    assert (code, told["created"]) == (0, 0)
    gone = set(person.songs[-40:])
    assert person.written()["Loud"] == [each for each in person.wanted(ROCK) if each not in gone]


def test_a_playlist_deleted_by_hand_is_only_made_anew_when_asked_for(person: Person) -> None:
    person.run("apply")
    name = f"Liked: {ROCK}"
    person.change(name, songs=person.wanted(ROCK)[1:])
    person.run("apply")  # which sees that a song was taken out
    person.service.library(playlists={person.playlist(name): None})
    for _ in range(2):
        code, told = person.run("apply")
        assert (code, told["created"], told["added"]) == (0, 0, 0)
    assert set(person.written()) == {f"Liked: {ELECTRO}"}
    code, told = person.run("apply", "--recreate")
    assert (code, told["created"]) == (0, 1)
    assert person.written()[name] == person.wanted(ROCK)[1:]
    assert person.run("apply")[1]["added"] == 0


def test_without_its_memory_it_knows_its_playlists_by_their_marker(person: Person) -> None:
    person.run("apply")
    memory_path(person.data, CLIENT_ID).unlink()
    person.service.clear_log()
    code, told = person.run("apply")
    assert (code, told["created"], told["added"]) == (0, 0, 0)
    assert person.writes() == 0
    person.like(person.songs[10:])
    person.run("apply")
    rock = set(person.wanted(ROCK)) - set(person.songs[:10])
    assert set(person.written()[f"Liked: {ROCK}"]) == rock


def test_a_marker_in_somebody_elses_playlist_is_none_of_ours(person: Person) -> None:
    person.run("apply", genres=ROCK)
    theirs = person.playlist(f"Liked: {ROCK}")
    person.service.library(playlists={theirs: {"owner": "somebody", "name": "theirs"}})
    memory_path(person.data, CLIENT_ID).unlink()
    person.service.clear_log()
    code, told = person.run("apply", genres=ROCK)
    assert (code, told["created"]) == (0, 1)
    assert person.written()[f"Liked: {ROCK}"] == person.wanted(ROCK)


def test_another_account_starts_with_an_empty_memory(person: Person) -> None:
    person.run("apply")
    person.service.library(user="another", playlists={})
    code, told = person.run("apply")
    assert (code, told["created"]) == (0, 2)
    assert "another account" in person.err


# moves by hand, as the page makes them


def test_a_song_moved_by_hand_stays_where_it_was_put(person: Person) -> None:
    bundle = load_bundle(person.models / MODEL[1])
    wishes = Wishes((ROCK, ELECTRO))
    person.run("apply")
    rock = person.wanted(ROCK)
    person.change(f"Liked: {ROCK}", songs=rock[1:])  # and then asked for again, below
    person.run("apply")
    done: list[Written] = []
    steps: set[str] = set()
    with Session(person.data, CLIENT_ID) as session:
        moves = {rock[0]: ROCK, rock[1]: ELECTRO, rock[2]: None}
        plan = session.plan(
            bundle, wishes, moves=moves, progress=lambda what, done, total: steps.add(what)
        )
    with Session(person.data, CLIENT_ID) as session:  # a plan outlives its session
        applied = session.apply(plan, done.append)
    assert (applied.added, applied.removed, applied.failures) == (2, 2, ())
    assert [(each.what, each.genre, each.songs) for each in done] == [
        ("remove", ROCK, 2),
        ("add", ROCK, 1),
        ("add", ELECTRO, 1),
    ]
    assert steps == {"reading"}
    expected = ([*rock[3:], rock[0]], [*person.wanted(ELECTRO), rock[1]])
    for _ in range(2):
        written = person.written()
        assert (written[f"Liked: {ROCK}"], written[f"Liked: {ELECTRO}"]) == expected
        person.run("apply")
    _, told = person.run("plan")
    by_hand = {each["song"]["id"]: each for each in told["placements"] if each["by_hand"]}
    assert by_hand.keys() == moves.keys()
    assert by_hand[rock[2]]["why"] == "left out by hand"
    person.change(f"Liked: {ROCK}", songs=rock[3:])  # a song that was moved is taken out
    person.run("apply")
    assert person.written()[f"Liked: {ROCK}"] == rock[3:]


@pytest.mark.parametrize("moves", [{"nothing": ROCK}, {0: "polka"}])
def test_a_move_that_cannot_be_made_is_refused(person: Person, moves: dict[Any, str]) -> None:
    bundle = load_bundle(person.models / MODEL[1])
    real = {person.songs[key] if key == 0 else key: genre for key, genre in moves.items()}
    with Session(person.data, CLIENT_ID) as session, pytest.raises(UsageError, match="'"):
        session.plan(bundle, Wishes((ROCK,)), moves=real)

"""``playlists`` against a Spotify over HTTP: correct to the song, and never a thing twice."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from conftest import PATIENCE, environment, run_main
from services import CLIENT_ID, Service
from services.world import Song, World
from tenacity import wait_random

from audiogenre import net
from audiogenre.bundles import load_bundle
from audiogenre.catalog import Catalog, Preview
from audiogenre.errors import UsageError
from audiogenre.liked.hearing import Ears, answers
from audiogenre.liked.login import CALLBACK, Login, begin, finish
from audiogenre.liked.memory import Memory, memory_path
from audiogenre.liked.records import Answer, Wishes
from audiogenre.liked.records import Song as Liked
from audiogenre.liked.session import Session
from audiogenre.liked.sync import Written
from audiogenre.songs import SongIndex
from audiogenre.sources.deezer import Deezer
from audiogenre.sources.spotify import SpotifySource
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Track

PER_GENRE = 180  # songs of a world of four genres: some 600 on Spotify, more than ten pages
ROCK, ELECTRO = "iron stomp", "neon relay"
GENRES = f"{ROCK},{ELECTRO}"
MODEL = ("--model", "extracted-baseline")
WRITES = ("create_playlist", "add_items", "remove_items")
Truth = dict[str, str]  # label by Spotify's id


@pytest.fixture(scope="session")
def shelf(
    sample_data: Path, sample_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Truth, list[Song]]:
    """Return a data folder that knows nine of ten songs, what the model says, and all songs."""
    data = tmp_path_factory.mktemp("shelf") / "data"
    shutil.copytree(sample_data, data, ignore=shutil.ignore_patterns("raw", "full-*"))
    songs = World(4, PER_GENRE).all("spotify")
    known = [each for number, each in enumerate(songs) if number % 10]
    store = FeatureStore(data / "features")
    folder = store.find("baseline")
    rows = store.read(folder)
    drawn = rows.iloc[np.random.default_rng(0).integers(len(rows), size=len(known))].copy()
    drawn.iloc[::25] *= 5  # these sound like nothing the model knows
    tracks = [
        Track(
            f"folder:{each.isrc}",
            "folder",
            title=each.title,
            artist=each.artist,
            isrc=each.isrc,
            duration=float(each.seconds),
        )
        for each in known
    ]
    ids = [each.id for each in tracks]
    hashes = [f"hash of {each}" for each in ids]
    metadata = store.metadata(folder)
    write_part(store.root / folder, ids, hashes, list(rows), drawn.to_numpy(), metadata)
    with Catalog(data / "catalog.db") as catalog, catalog.transaction():
        for digest, track in zip(hashes, tracks, strict=True):
            catalog.add(track, Preview("", digest, 1, 30.0, 0))
    bundle = load_bundle(sample_models / "extracted-baseline")
    answers = bundle.predict_features(drawn[bundle.columns].reset_index(drop=True))
    truth = dict(zip([str(each.spotify) for each in known], answers["label"], strict=True))
    # The sample's songs have names of the same world: some are known by theirs.
    with Catalog(data / "catalog.db") as catalog:
        index = SongIndex(catalog.known().values())
    named = {each.spotify: Track("", "", title=each.title, artist=each.artist) for each in songs}
    unknown = {key for key, each in named.items() if index.find(each) is None}
    return data, truth, [each for each in songs if each.spotify in truth.keys() | unknown]


class Person:
    """Somebody with an account, a data folder and this program."""

    def __init__(
        self,
        service: Service,
        data: Path,
        models: Path,
        capsys: pytest.CaptureFixture[str],
        truth: Truth,
        songs: list[Song],
    ) -> None:
        self.service, self.data, self.models, self.truth = service, data, models, truth
        self.songs = [str(each.spotify) for each in songs]
        self.out = self.err = ""
        self._capsys = capsys

    def log_in(self) -> None:
        pending = begin(CLIENT_ID, f"http://127.0.0.1:8888{CALLBACK}")
        answer = requests.get(pending.url, allow_redirects=False, timeout=10)
        finish(pending, answer.headers["Location"])

    def like(self, songs: list[Any]) -> None:
        self.service.library(liked=songs)

    def run(self, action: str, *options: object, genres: str = GENRES) -> tuple[int, Any]:
        """Run a command with ``--json``; return its exit code and the result."""
        what: tuple[object, ...] = ()
        if action in ("plan", "apply"):
            what = (*MODEL, "--genres", genres, "--library-only")
            what += ("--yes",) if action == "apply" else ()
        self._capsys.readouterr()
        common = ("--data", self.data, "--models", self.models, "--json")
        code = run_main("playlists", action, *what, *options, *common)
        self.out, self.err = self._capsys.readouterr()
        return code, json.loads(self.out) if self.out else None

    def written(self) -> dict[str, list[str]]:
        """Return the songs of each playlist that was written, by its name."""
        playlists = self.service.library()["playlists"].values()
        return {each["name"]: each["songs"] for each in playlists}

    def playlist(self, name: str) -> str:
        """Return the id of a playlist."""
        playlists = self.service.library()["playlists"].items()
        (found,) = [key for key, each in playlists if each["name"] == name]
        return found

    def change(self, name: str, **changes: Any) -> None:
        """Change a playlist by hand."""
        self.service.library(playlists={self.playlist(name): changes})

    def wanted(self, label: str) -> list[str]:
        """Return the liked songs of a label, in their order."""
        return [each for each in self.songs if self.truth.get(each) == label]

    def writes(self) -> int:
        """Return how many writes Spotify was asked for since the log was cleared."""
        asked = self.service.log()["requests"]["api"].get("spotify", {})
        return sum(asked.get(each, 0) for each in WRITES)

    def assert_correct(self) -> None:
        """Both playlists hold exactly their songs, each once."""
        expected = {f"Liked: {each}": self.wanted(each) for each in (ROCK, ELECTRO)}
        found = self.written()
        assert {name: sorted(songs) for name, songs in found.items()} == {
            name: sorted(songs) for name, songs in expected.items()
        }


@pytest.fixture
def person(
    services: Service,
    shelf: tuple[Path, Truth, list[Song]],
    sample_models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Person]:
    """Return somebody who is logged in and likes every song there is."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(SpotifySource, "RATE", (1000, 1.0))
    monkeypatch.setattr(net, "BACKOFF", wait_random(max=0.1))
    data, truth, songs = shelf
    shutil.copytree(data, tmp_path / "data")
    before = services.state()["base"]
    services.set(base=PER_GENRE)
    services.library(reset=True, liked=[each.spotify for each in songs])
    somebody = Person(services, tmp_path / "data", sample_models, capsys, truth, songs)
    somebody.log_in()
    services.clear_log()
    yield somebody
    services.set(base=before)


# what it does when nothing is wrong


def test_the_first_run_is_correct_to_the_song_and_the_second_writes_nothing(
    person: Person,
) -> None:
    code, told = person.run("apply")
    assert (code, told["created"], told["failures"]) == (0, 2, [])
    person.assert_correct()
    assert told["added"] == sum(map(len, person.written().values())) > 200
    batches = sum(-(-len(songs) // 100) for songs in person.written().values())
    assert person.writes() == 2 + batches
    person.service.clear_log()
    code, told = person.run("apply")
    assert (code, told["created"], told["added"], told["removed"]) == (0, 0, 0, 0)
    assert person.writes() == 0


def test_songs_stand_in_a_new_playlist_as_they_were_liked(person: Person) -> None:
    person.run("apply")
    assert person.written()[f"Liked: {ROCK}"] == person.wanted(ROCK)


def test_a_plan_says_all_and_writes_nothing(person: Person) -> None:
    code, plan = person.run("plan")
    assert code == 0
    assert person.writes() == 0 and person.written() == {}
    assert len(plan["placements"]) == len(person.songs)
    by_genre = {each["genre"]: each for each in plan["changes"]}
    assert [each["id"] for each in by_genre[ROCK]["add"]] == person.wanted(ROCK)
    assert by_genre[ROCK]["action"] == "create"
    left = {each["song"]["id"]: each["why"] for each in plan["placements"] if each["why"]}
    unknown = [each for each in person.songs if each not in person.truth]
    assert {left[each] for each in unknown} == {"not in the library"}
    assert sum(plan["left_out"].values()) == len(left)
    assert len(left) + len(person.wanted(ROCK)) + len(person.wanted(ELECTRO)) == len(person.songs)


def test_entries_that_are_no_songs_are_skipped_and_counted(person: Person) -> None:
    person.like([None, *person.songs[:60], None, person.songs[3]])
    person.service.set(faults={"local_files": 0.1, "null_tracks": 0.1})
    _, plan = person.run("plan")
    skipped = plan["skipped"]
    assert skipped["empty entries"] > 2 and skipped["local files"] > 0
    found = [each["song"]["id"] for each in plan["placements"]]
    assert len(found) == len(set(found))
    assert len(found) + sum(skipped.values()) in (62, 63)  # the one liked twice may be gone, too


def test_songs_that_leave_or_come_are_removed_and_added(person: Person) -> None:
    rock = person.wanted(ROCK)
    person.like([each for each in person.songs if each != rock[0]])
    person.run("apply")
    person.like([each for each in person.songs if each != rock[1]])
    code, told = person.run("apply")
    assert (code, told["added"], told["removed"], told["created"]) == (0, 1, 1, 0)
    assert person.written()[f"Liked: {ROCK}"] == [*rock[2:], rock[0]]


def test_options_decide_what_goes_where(person: Person) -> None:
    unknown = person.wanted("unknown")
    assert len(unknown) > 10
    code, _ = person.run(
        "apply", "--unknown-playlist", "--prefix", "My ", genres=f" {ROCK.upper()}, "
    )
    assert code == 0
    written = person.written()
    assert set(written) == {f"My {ROCK}", "My unknown"}
    assert sorted(written["My unknown"]) == sorted(unknown)
    _, plan = person.run("plan", "--min-probability", "1", "--prefix", "My ", genres=ROCK)
    (change,) = plan["changes"]
    assert (len(change["remove"]), change["kept"]) == (len(written[f"My {ROCK}"]), 0)
    assert plan["left_out"]["less likely than 1"] > len(unknown)


def test_a_playlist_that_is_not_chosen_any_more_is_left_alone(person: Person) -> None:
    person.run("apply")
    person.service.clear_log()
    person.run("apply", genres=ROCK)
    assert person.writes() == 0
    person.assert_correct()


# what people do by hand


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


# what goes wrong


@pytest.mark.parametrize("done", [True, False])
def test_a_write_that_gets_no_clear_answer_is_looked_at_and_not_repeated(
    person: Person, done: bool
) -> None:
    refusals = [
        {"on": "POST playlists/", "after": 1, "times": 1, "status": 500, "done": done},
        {"on": "DELETE playlists/", "times": 1, "status": 502, "done": done},
    ]
    person.service.library(refusals=refusals)
    code, told = person.run("apply")
    assert (code, told["failures"]) == (0, [])
    person.assert_correct()
    person.like([each for each in person.songs if each not in person.wanted(ROCK)[:3]])
    code, told = person.run("apply")
    assert (code, told["failures"]) == (0, [])
    assert person.written()[f"Liked: {ROCK}"] == person.wanted(ROCK)[3:]


@pytest.mark.parametrize("done", [True, False])
def test_a_playlist_is_not_made_twice(person: Person, done: bool) -> None:
    refusal = {"on": "POST me/playlists", "times": 1, "status": 500, "done": done}
    person.service.library(refusals=[refusal])
    code, told = person.run("apply")
    if done:  # it turned out to be there
        assert (code, told["failures"]) == (0, [])
    else:
        assert code == 1 and "apply again" in told["failures"][0]
        assert set(person.written()) == {f"Liked: {ELECTRO}"}
        assert person.run("apply")[0] == 0
    person.assert_correct()


def test_a_playlist_in_trouble_does_not_keep_the_others_from_being_written(
    person: Person,
) -> None:
    person.service.library(refusals=[{"on": "POST playlists/", "times": 1, "status": 403}])
    code, told = person.run("apply")
    assert code == 1
    assert "'Liked: iron stomp': refused: Spotify: Forbidden (HTTP 403)" in told["failures"][0]
    assert person.written() == {f"Liked: {ROCK}": [], f"Liked: {ELECTRO}": person.wanted(ELECTRO)}
    assert person.run("apply")[0] == 0
    person.assert_correct()


def test_a_short_wait_is_waited_for(person: Person) -> None:
    wait = {"on": "(GET|POST)", "times": 2, "status": 429, "headers": {"Retry-After": "1"}}
    write = wait | {"on": "POST playlists/", "times": 1}
    person.service.library(refusals=[write, wait])
    assert person.run("apply", "--max-wait", "30")[0] == 0
    person.assert_correct()


def test_a_long_wait_is_remembered_and_the_work_gone_on_with(person: Person) -> None:
    day = {"status": 429, "headers": {"Retry-After": "86400"}}
    person.service.library(refusals=[{"on": "POST playlists/", "after": 1, **day}])
    code, told = person.run("apply", "--max-wait", "5")
    assert (code, told) == (1, None)
    assert "left alone until" in person.err
    begun = sum(map(len, person.written().values()))
    assert begun == 100 < len(person.wanted(ROCK))
    person.service.library(refusals=[])
    person.service.clear_log()
    assert person.run("apply")[0] == 1  # and Spotify is not asked at all
    assert person.service.log()["requests"]["api"] == {}
    with Catalog(person.data / "catalog.db") as catalog, catalog.transaction():
        (host,) = catalog.blocked()
        catalog.block({host: time.time() - 1})
    code, told = person.run("apply")
    assert (code, told["added"]) == (0, sum(map(len, person.written().values())) - begun)
    person.assert_correct()


def test_a_login_that_ends_in_the_middle_is_gone_on_with_after_a_new_one(person: Person) -> None:
    person.service.library(refusals=[{"on": "POST playlists/", "after": 1, "status": 401}])
    code, told = person.run("apply")
    assert (code, told) == (3, None)
    assert "run 'audiogenre playlists login'" in person.err
    assert person.run("plan")[0] == 3
    person.service.library(refusals=[])
    person.log_in()
    assert person.run("apply")[0] == 0
    person.assert_correct()


@pytest.mark.parametrize("action", ["plan", "apply"])
def test_a_dead_login_is_exit_code_3_and_says_what_to_do(person: Person, action: str) -> None:
    person.service.library(revoke=True)
    assert person.run(action) == (3, None)
    assert "no longer good" in person.err and "audiogenre playlists login" in person.err
    assert person.run(action) == (3, None)
    assert "not logged in" in person.err


@pytest.mark.parametrize("fault", ["error_503", "html", "half_json", "reset"])
def test_reading_is_repeated_until_it_succeeds(person: Person, fault: str) -> None:
    person.service.set(faults={fault: {"share": 0.3, "on": ["spotify"]}})
    code, told = person.run("plan", "--max-wait", "60")
    assert code == 0, person.err
    assert len(told["placements"]) == len(person.songs)


def test_two_at_once_do_not_write_over_each_other(person: Person) -> None:
    with Session(person.data, CLIENT_ID):
        assert person.run("apply") == (2, None)
        assert "worked on already" in person.err
    assert person.run("apply")[0] == 0


# being killed

SLOWLY = (
    "import sys; from audiogenre.sources.spotify import SpotifySource; "
    "SpotifySource.RATE = (1000, 1.0); from audiogenre.playlists import main; sys.exit(main())"
)


@pytest.mark.slow
def test_killed_in_the_middle_of_any_write_it_goes_on_without_a_duplicate(person: Person) -> None:
    options = ["--genres", GENRES, "--library-only", "--yes", "--quiet", *MODEL]
    command = [sys.executable, "-c", SLOWLY, "apply", *options]
    command += ["--data", str(person.data), "--models", str(person.models)]
    points = [("POST me/playlists", True), ("POST playlists/", True), ("POST playlists/", False)]
    for on, done in points:
        refusal = {"on": on, "status": 0, "done": done}
        person.service.library(refusals=[refusal])
        person.service.clear_log()
        endpoint = "create_playlist" if "me" in on else "add_items"
        with subprocess.Popen(command, env=environment()) as process:
            while not person.service.log()["requests"]["api"].get("spotify", {}).get(endpoint):
                assert process.poll() is None
                time.sleep(0.05)
            time.sleep(0.2)  # Spotify has done it, and says nothing
            os.kill(process.pid, signal.SIGKILL)
    person.service.library(refusals=[])
    assert subprocess.run(command, env=environment(), check=False).returncode == 0
    person.assert_correct()
    assert person.run("apply")[1]["added"] == 0


# hearing songs


@pytest.fixture
def listener(person: Person, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Return somebody who likes a few songs that the data folder does not know."""
    monkeypatch.setattr(Deezer, "RATE", (1000, 1.0))
    url = person.service.urls["deezer"]  # under another name, as hosts are told apart by it
    monkeypatch.setenv("AUDIOGENRE_DEEZER_URL", url.replace("127.0.0.1", "localhost"))
    by_key = {each["spotify"]: each for each in person.service.catalogue()}
    strange = [by_key[each] for each in person.songs if each not in person.truth]
    person.songs = [each["spotify"] for each in strange[:14]]
    person.like(person.songs)
    return person


HEAR = (*MODEL, "--genres", "all", "--accept-terms")


def hear(person: Person, action: str = "plan", *more: object) -> tuple[int, Any]:
    person._capsys.readouterr()
    common = ("--data", person.data, "--models", person.models, "--json", *HEAR)
    code = run_main("playlists", action, *common, *more)
    person.out, person.err = person._capsys.readouterr()
    return code, json.loads(person.out) if person.out else None


def previews(data: Path) -> list[Path]:
    return list(data.rglob("*.mp3"))


def test_songs_are_heard_at_deezer_once_and_their_audio_is_not_kept(listener: Person) -> None:
    truth = {each["spotify"]: each for each in listener.service.catalogue()}
    (listener.data / ".listening").mkdir()
    (listener.data / ".listening" / "killed.mp3").write_bytes(b"left by a run that was killed")
    code, plan = hear(listener)
    assert code == 0
    for each in plan["placements"]:
        song = truth[each["song"]["id"]]
        if song["deezer"] is None:
            assert each["why"] == "no audio: not found"
        elif not song["has_preview"]:
            assert each["why"] == "no audio: no preview"
        else:
            assert each["genre"] is not None, each
    assert sum(each["genre"] is not None for each in plan["placements"]) > 5
    assert previews(listener.data) == []
    listener.service.clear_log()
    _, again = hear(listener)
    assert again["placements"] == plan["placements"]
    assert set(listener.service.log()["requests"]["api"]) == {"spotify"}


def test_audio_is_kept_in_the_catalogue_if_one_says_so(listener: Person) -> None:
    code, plan = hear(listener, "plan", "--keep-audio")
    assert code == 0
    heard = [each for each in plan["placements"] if each["genre"] is not None]
    assert len(previews(listener.data)) == len(heard) > 5
    with Catalog(listener.data / "catalog.db") as catalog:
        kept = {each.isrc for each in catalog.known().values() if each.source == "deezer"}
    assert {each["song"]["isrc"] for each in heard} == kept
    memory_path(listener.data, CLIENT_ID).unlink()
    listener.service.clear_log()
    _, again = hear(listener)  # from the files
    assert [each["genre"] for each in again["placements"]] == [
        each["genre"] for each in plan["placements"]
    ]
    assert listener.service.log()["requests"]["media"] == {}


def ask(person: Person, *songs: Liked, deezer: Deezer | None = None) -> dict[str, Any]:
    """Ask the model about songs."""
    bundle = load_bundle(person.models / MODEL[1])
    with (
        Catalog(person.data / "catalog.db") as catalog,
        Memory(memory_path(person.data, CLIENT_ID)) as memory,
    ):
        return answers(songs, Ears(bundle, catalog, person.data, deezer), memory)[0]


def test_two_liked_songs_of_one_recording_are_heard_once(listener: Person) -> None:
    entries = listener.service.catalogue()
    isrc = next(
        each["isrc"]
        for each in entries
        if each["spotify"] in listener.songs and each["deezer"] and each["has_preview"]
    )
    listener.service.clear_log()
    found = ask(listener, Liked("a", "u", isrc=isrc), Liked("b", "u", isrc=isrc), deezer=Deezer())
    assert found["a"] == found["b"] and isinstance(found["a"], Answer)
    assert listener.service.log()["requests"]["api"]["deezer"] == {"track": 1}


def test_a_file_that_takes_a_package_to_read_stops_no_other_song(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    (person.data / "a.m4a").write_bytes(b"\0\0\0\x18ftypM4A " + bytes(2000))
    with Catalog(person.data / "catalog.db") as catalog, catalog.transaction():
        catalog.add(Track("folder:m", "folder", isrc="M4A"), Preview("a.m4a", "h", 1, 30.0, 0))
    found = ask(person, Liked("a", "u", isrc="M4A"))
    assert found["a"].why.startswith("no audio: ")
    assert "pip install 'audiogenre[m4a]'" in found["a"].why


def test_a_busy_deezer_is_left_alone_and_songs_stay_where_they_are(listener: Person) -> None:
    assert hear(listener, "apply", "--yes")[0] == 0
    before = listener.written()
    with Memory(memory_path(listener.data, CLIENT_ID)) as memory:
        memory._db.execute("DELETE FROM heard")
    listener.service.set(faults={"long_wait": {"share": 1, "on": ["deezer"]}})
    code, told = hear(listener, "apply", "--yes", "--max-wait", "1")
    assert code == 1
    assert (told["added"], told["removed"]) == (0, 0)
    assert "left alone until" in listener.err
    assert "not heard yet: Deezer wants to be left alone" in told["left_out"]
    assert listener.written() == before


def test_without_its_terms_nothing_is_taken_from_deezer(listener: Person) -> None:
    code = run_main(
        "playlists",
        "plan",
        "--data",
        listener.data,
        "--models",
        listener.models,
        *MODEL,
        "--genres",
        "all",
        "--quiet",
    )
    assert code == 2
    assert "--accept-terms" in listener._capsys.readouterr().err
    assert "deezer" not in listener.service.log()["requests"]["api"]


# login, logout, and what is wrong with a command line


def test_a_login_goes_through_the_browser_and_back(
    person: Person,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    run_command: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    visit = "import sys, urllib.request as r; r.urlopen(sys.argv[1]).read()"
    (tmp_path / "browser.py").write_text(visit)
    browser = f"{sys.executable} {tmp_path / 'browser.py'} %s &"
    monkeypatch.setenv("BROWSER", browser)
    Login(CLIENT_ID).delete()
    process = run_command("playlists", "login", "--json")
    assert (process.returncode, json.loads(process.stdout)["logged_in"]) == (0, True)
    assert "agree in your browser" in process.stderr
    assert person.run("plan")[0] == 0


def test_a_browser_elsewhere_gives_an_address_to_paste(
    person: Person, start_command: Callable[..., subprocess.Popen[str]]
) -> None:
    Login(CLIENT_ID).delete()
    process = start_command(
        "playlists", "login", "--paste", "--port", "9999", stdin=subprocess.PIPE
    )
    assert process.stdin is not None and process.stderr is not None
    url = process.stderr.readline().removeprefix("go to ").strip()
    answer = requests.get(url, allow_redirects=False, timeout=10)
    assert answer.headers["Location"].startswith("http://127.0.0.1:9999/callback?")
    process.communicate(answer.headers["Location"] + "\n", timeout=PATIENCE)
    assert process.returncode == 0
    assert Login(CLIENT_ID).is_there()


def test_logging_out_deletes_everything_and_says_what(person: Person) -> None:
    person.run("apply")
    code, told = person.run("logout")
    assert code == 0
    assert [each.partition(" ")[2][:8] for each in told["deleted"]] == ["login to", "was reme"]
    assert not Login(CLIENT_ID).path.exists()
    assert not list(person.data.glob("playlists-*"))
    assert len(person.written()) == 2
    assert person.run("logout") == (0, {"deleted": []})
    assert person.run("plan")[0] == 3


def test_the_plan_is_shown_in_words(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    common = (*MODEL, "--genres", ROCK, "--library-only")
    where = ("--data", person.data, "--models", person.models)
    assert run_main("playlists", "plan", *common, *where) == 0
    words = capsys.readouterr().out
    count = len(person.wanted(ROCK))
    assert f"{len(person.songs)} liked songs of Fake User" in words
    assert f"Liked: {ROCK}: new; {count} to add, 0 to remove, 0 there" in words
    assert f"and {count - 10} more (-v lists them)" in words
    assert "(another genre)" in words and "(not in the library)" in words
    assert run_main("playlists", "plan", *common, *where, "-v") == 0
    assert "more (-v" not in capsys.readouterr().out


def test_nothing_is_written_without_being_asked_for(person: Person) -> None:
    common = ("--data", person.data, "--models", person.models, "--quiet")
    code = run_main("playlists", "apply", *MODEL, "--genres", ROCK, "--library-only", *common)
    assert code == 2
    assert "--yes" in person._capsys.readouterr().err
    assert person.writes() == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sing",), "invalid choice: 'sing'"),
        (("plan", "--min-probability", "2"), "not between"),
        (("login", "--port", "80"), "not a port"),
        (("login", "--paste", "--quiet"), "not with --quiet"),
        (("plan", "--genres", "polka", *MODEL), "the model knows no 'polka'; it knows"),
        (("plan", *MODEL), "name the genres"),
        (("plan", "--model", "nothing", "--genres", ROCK), "there is no model"),
        (("plan", "--client-id", "../x"), "not the client id"),
    ],
)
def test_bad_input_is_exit_code_2_and_a_sentence(
    person: Person, arguments: tuple[str, ...], said: str
) -> None:
    code = run_main("playlists", *arguments, "--data", person.data, "--models", person.models)
    error = person._capsys.readouterr().err
    assert code == 2
    assert said in error and "Traceback" not in error
    assert person.service.log()["requests"]["api"] == {}


def test_an_address_is_not_waited_for_where_nothing_can_be_pasted(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # as after <&- in a shell
    assert run_main("playlists", "login", "--paste") == 2
    assert "nor without input" in person._capsys.readouterr().err


def test_a_pasted_address_that_is_no_text_is_refused(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), "utf-8"))
    assert run_main("playlists", "login", "--paste") == 2
    assert "is no address" in person._capsys.readouterr().err


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main("playlists", "--help") == 0
    words = capsys.readouterr().out
    assert "audiogenre playlists apply --model current --genres rock,jazz --yes" in words

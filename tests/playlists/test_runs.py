"""What a run writes when nothing goes wrong: correct to the song, and never a thing twice."""

from __future__ import annotations

from playlists.conftest import ELECTRO, ROCK, Person


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

"""What the command says in words, and what it says to a wrong command line."""

from __future__ import annotations

import pytest
from conftest import run_main

from playlists.conftest import MODEL, ROCK, Person


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


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main("playlists", "--help") == 0
    words = capsys.readouterr().out
    assert "audiogenre playlists apply --model current --genres rock,jazz --yes" in words

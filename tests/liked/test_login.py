"""The login at Spotify: agreed to in a browser, kept for its owner alone, renewed, and ended."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from scripted import Scripted, answer
from services import CLIENT_ID, Service

from audiogenre.errors import FetchError, LoginError, StoreError, TransientError, UsageError
from audiogenre.liked.account import Account
from audiogenre.liked.login import (
    CALLBACK,
    SCOPE,
    Login,
    PendingLogin,
    TokenFile,
    begin,
    find_client_id,
    finish,
)
from audiogenre.liked.records import Change, Plan, Song, User, Wishes
from audiogenre.liked.session import Session

BACK = f"http://127.0.0.1:8888{CALLBACK}"


@pytest.fixture
def login(services: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Login:
    """Return a login that nobody has made yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    services.library(reset=True)
    return Login(CLIENT_ID)


def agree(pending: PendingLogin) -> str:
    """Agree as a browser does; return the address it is sent to."""
    answer = requests.get(pending.url, allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def log_in() -> None:
    pending = begin(CLIENT_ID, BACK)
    finish(pending, agree(pending))


def kept(login: Login) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(login.path.read_text())
    return found


def change(login: Login, **values: Any) -> None:
    login.path.write_text(json.dumps(kept(login) | values))


def test_agreeing_gives_tokens_that_only_their_owner_can_read(login: Login, tmp_path: Path) -> None:
    assert not login.is_there()
    log_in()
    assert login.is_there()
    assert login.path.parent == tmp_path / "config" / "audiogenre"
    assert CLIENT_ID in login.path.name
    assert stat.S_IMODE(login.path.stat().st_mode) == 0o600
    assert [each for each in login.path.parent.iterdir() if each.suffix == ".tmp"] == []
    assert Account(login).user().id == "fakeuser"


def test_the_person_is_sent_to_spotify_with_a_challenge_and_not_with_the_verifier(
    login: Login,
) -> None:
    one, two = begin(CLIENT_ID, BACK), begin(CLIENT_ID, BACK)
    query = parse_qs(urlsplit(one.url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert (query["redirect_uri"], query["scope"]) == ([BACK], [SCOPE])
    assert one.verifier not in one.url
    assert one.state != two.state and one.verifier != two.verifier


def test_an_answer_of_another_login_is_refused(login: Login) -> None:
    pending, other = begin(CLIENT_ID, BACK), begin(CLIENT_ID, BACK)
    for address in (agree(other), BACK, f"{BACK}?code=x", f"{BACK}?code=x&state=%C3%A4"):
        with pytest.raises(LoginError, match="the answer does not belong to this login"):
            finish(pending, address)
    assert not login.is_there()


def test_a_code_is_of_no_use_without_its_verifier(login: Login) -> None:
    pending, other = begin(CLIENT_ID, BACK), begin(CLIENT_ID, BACK)
    stolen = PendingLogin(**{**vars(pending), "verifier": other.verifier})
    with pytest.raises(LoginError, match="code_verifier was incorrect"):
        finish(stolen, agree(pending))
    assert not login.is_there()


def test_a_person_may_refuse(login: Login, services: Service) -> None:
    services.set(spotify_consent="denied")
    pending = begin(CLIENT_ID, BACK)
    with pytest.raises(LoginError, match="access_denied"):
        finish(pending, agree(pending))
    assert not login.is_there()


def test_a_token_that_has_expired_is_renewed_once_and_the_new_one_kept(login: Login) -> None:
    log_in()
    before = kept(login)
    assert login.token() == before["access_token"]
    change(login, expires_at=int(time.time()) + 30)
    token = login.token()
    after = kept(login)
    assert token == after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]
    assert login.token() == token
    assert stat.S_IMODE(login.path.stat().st_mode) == 0o600


def test_an_answer_without_a_new_refresh_token_leaves_the_old_one(
    login: Login, services: Service
) -> None:
    log_in()
    before = kept(login)
    services.library(rotates=False)
    for _ in range(2):
        change(login, expires_at=0)
        assert login.token() != before["access_token"]
        assert kept(login)["refresh_token"] == before["refresh_token"]


def test_a_token_that_spotify_refuses_is_renewed(login: Login, services: Service) -> None:
    log_in()
    account = Account(login)
    services.library(expire=True)
    assert account.user().id == "fakeuser"
    assert services.log()["requests"]["api"]["spotify"]["token"] == 2


@pytest.mark.parametrize("how", ["expires", "refused"])
def test_a_login_that_has_ended_is_deleted_and_says_what_to_do(
    how: str, login: Login, services: Service
) -> None:
    log_in()
    services.library(revoke=True)
    if how == "expires":
        change(login, expires_at=0)
    with pytest.raises(LoginError, match="run 'audiogenre playlists login'"):
        Account(login).user()
    assert not login.is_there()
    with pytest.raises(LoginError, match="not logged in"):
        login.token()


def test_a_token_page_in_trouble_ends_no_login(login: Login, services: Service) -> None:
    log_in()
    change(login, expires_at=0)
    for fault in ("error_500", "error_503", "html"):
        services.set(faults={fault: {"share": 1, "on": ["spotify"]}})
        with pytest.raises(TransientError):
            login.token()
    services.set(faults={})
    assert login.token()


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "{}", '{"access_token": "a"}', "\xff"),
        '{"access_token": "a", "refresh_token": "b", "expires_at": null}',
        '{"access_token": "a", "refresh_token": "b", "expires_at": "soon"}',
    ],
)
def test_a_file_that_holds_no_tokens_is_no_login(content: str, login: Login) -> None:
    log_in()
    login.path.write_text(content, encoding="latin-1")
    assert not login.is_there()
    with pytest.raises(LoginError, match="not logged in"):
        login.check()


def test_an_answer_that_is_no_address_is_said_to_be_none(login: Login) -> None:
    with pytest.raises(UsageError, match="that is no address; run 'audiogenre playlists login'"):
        finish(begin(CLIENT_ID, BACK), "http://[x")


def test_tokens_that_could_not_be_written_lie_nowhere(login: Login) -> None:
    login.path.mkdir(parents=True)  # so that nothing can be moved there
    with pytest.raises(StoreError, match="cannot write"):
        TokenFile(CLIENT_ID).save_token_to_cache({"access_token": "secret"})
    assert list(login.path.parent.iterdir()) == [login.path]


def test_logging_out_deletes_what_a_killed_run_has_half_written(login: Login) -> None:
    log_in()
    half = login.path.with_name(f"{login.path.name}.x1y2.tmp")
    other = login.path.with_name("spotify-another.json.x1y2.tmp")
    half.write_text("secret")
    other.write_text("somebody else's")
    assert login.delete() is True
    assert not half.exists() and other.exists()


WHOLE = {"items": [{"track": {"id": "a"}}] * 50, "total": 100, "next": "more"}


@pytest.mark.parametrize(
    "page", [{"total": 100}, {"items": [], "total": 100, "next": "more"}, [], {"items": None}]
)
def test_a_list_that_breaks_off_is_not_taken_for_a_whole_one(
    page: Any, login: Login, script: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in()
    monkeypatch.setenv("AUDIOGENRE_SPOTIFY_URL", script.url)
    script.on("/v1/me/tracks", answer(WHOLE), answer(page))
    with pytest.raises(FetchError, match="breaks off in the middle of a list"):
        Account(login).liked()


def test_a_plan_of_another_account_is_not_applied(
    login: Login, services: Service, tmp_path: Path
) -> None:
    log_in()
    wishes = Wishes(("rock",))
    added = Change("rock", "rock", "create", add=(Song("1", "spotify:track:1"),))
    plan = Plan(User("anna", "Anna"), "m", wishes, (), (added,), {})
    with (
        Session(tmp_path / "data", CLIENT_ID) as session,
        pytest.raises(UsageError, match="of another account \\(Anna\\)"),
    ):
        session.apply(plan)
    assert services.library()["playlists"] == {}


def test_logins_of_two_apps_lie_beside_each_other(login: Login) -> None:
    log_in()
    assert not Login("another").is_there()
    assert Login("another").delete() is False
    assert login.delete() is True
    assert not login.is_there()


def test_a_client_id_comes_from_the_person_or_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SPOTIPY_CLIENT_ID", "mine")
    assert find_client_id() == "mine"
    assert find_client_id("given") == "given"
    with pytest.raises(UsageError, match="not the client id"):
        find_client_id("../../etc/passwd")
    monkeypatch.delenv("SPOTIPY_CLIENT_ID")
    with pytest.raises(UsageError, match="SPOTIPY_CLIENT_ID or --client-id"):
        find_client_id()

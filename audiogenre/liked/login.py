"""A person's permission to read liked songs and to write playlists: authorization code with PKCE.

It is kept in a file of the user's configuration folder, one for each client id, for nobody else to
read. Spotify ends it six months after it was given; renewing a token does not prolong it.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests
from filelock import FileLock
from platformdirs import user_config_path
from spotipy.cache_handler import CacheHandler
from spotipy.oauth2 import SpotifyOauthError, SpotifyPKCE

from audiogenre.errors import LoginError, StoreError, TransientError, UsageError
from audiogenre.net import Client
from audiogenre.sources.spotify import DEAD, ID_VARIABLE, TOKEN_VARIABLE

SCOPE = "user-library-read playlist-read-private playlist-modify-private"
CALLBACK = "/callback"  # of every redirect URI, so that one registered without a port serves all
AGAIN = "run 'audiogenre playlists login'"


@dataclass(frozen=True)
class PendingLogin:
    """A login that waits for a person to agree at Spotify.

    Attributes
    ----------
    url : str
        Where the person agrees.
    state, verifier, challenge : str
        What the answer has to match; secret, but for the challenge.
    """

    client_id: str
    redirect_uri: str
    url: str
    state: str
    verifier: str
    challenge: str


def find_client_id(given: str | None = None) -> str:
    """Return the client id of the user's own app: the one given, else that of the environment.

    Raises
    ------
    UsageError
        If there is none, or it cannot be one.
    """
    client_id = given or os.environ.get(ID_VARIABLE, "")
    if not client_id:
        raise UsageError(
            f"playlists need the client id of an app of your own in {ID_VARIABLE} or --client-id "
            "(https://developer.spotify.com/dashboard; docs/howto/spotify-likes.md says how)"
        )
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", client_id):
        raise UsageError(f"{client_id!r} is not the client id of an app")
    return client_id


def begin(client_id: str, redirect_uri: str) -> PendingLogin:
    """Begin a login: the person goes to its `url`, and comes back to `redirect_uri`.

    Parameters
    ----------
    client_id : str
    redirect_uri : str
        ``http://127.0.0.1:PORT/callback``, or an https address.
    """
    manager = _manager(client_id, redirect_uri)
    manager.get_pkce_handshake_parameters()
    state = secrets.token_urlsafe(24)
    url = manager.get_authorize_url(state)
    return PendingLogin(
        client_id, redirect_uri, url, state, manager.code_verifier, manager.code_challenge
    )


def finish(pending: PendingLogin, address: str) -> None:
    """Take what the person came back with, get tokens for it, and keep them.

    Parameters
    ----------
    pending : PendingLogin
    address : str
        Where the person came back to, with the query that Spotify added to it.

    Raises
    ------
    UsageError
        If it is no address.
    LoginError
        If the answer belongs to another login, or Spotify or the person refused.
    """
    try:
        answer = dict(parse_qsl(urlsplit(address).query))
    except ValueError as error:
        raise UsageError(f"that is no address; {AGAIN} again, and paste the whole of it") from error
    state, code = answer.get("state", ""), answer.get("code")
    if not hmac.compare_digest(state.encode(errors="replace"), pending.state.encode()):
        raise LoginError(f"the answer does not belong to this login (another state); {AGAIN} again")
    if "error" in answer or not code:
        said = answer.get("error", "no code")
        raise LoginError(f"the permission was not given ({said}); {AGAIN} again")
    manager = _manager(pending.client_id, pending.redirect_uri)
    manager.code_verifier, manager.code_challenge = pending.verifier, pending.challenge
    _exchange(lambda: manager.get_access_token(code, check_cache=False))


class Login:
    """The permission as it is kept: gives tokens that are valid, and forgets itself when it ends.

    Parameters
    ----------
    client_id : str
    """

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self._file = TokenFile(client_id)

    @property
    def path(self) -> Path:
        """The file that keeps it."""
        return self._file.path

    def is_there(self) -> bool:
        """Tell whether there is one; only Spotify knows whether it is still good."""
        return self._file.get_cached_token() is not None

    def check(self) -> None:
        """Check that there is one.

        Raises
        ------
        LoginError
        """
        if not self.is_there():
            raise LoginError(f"you are not logged in to Spotify; {AGAIN}")

    def token(self, client: Client | None = None, *, instead_of: str | None = None) -> str:
        """Return an access token, a new one if the last has expired or is refused.

        Renewing may end the token before: of two processes the second takes what the first got.

        Parameters
        ----------
        client : Client, optional
            Whose connections to use.
        instead_of : str, optional
            A token that Spotify refuses.

        Raises
        ------
        LoginError
            If there is no login, or it has ended.
        TransientError
            If Spotify does not answer.
        """
        with self._file.lock():
            kept = self._file.get_cached_token()
            if kept is None:  # logged out meanwhile
                raise LoginError(f"you are not logged in to Spotify; {AGAIN}")
            fresh = kept["expires_at"] - time.time() > 60 and kept["access_token"] != instead_of
            if not fresh:
                manager = _manager(self.client_id, "http://127.0.0.1" + CALLBACK, client)
                try:
                    kept = _exchange(lambda: manager.refresh_access_token(kept["refresh_token"]))
                except LoginError:
                    self._file.delete()
                    raise
        return str(kept["access_token"])

    def delete(self) -> bool:
        """Delete the tokens; return whether there were any."""
        with self._file.lock():
            return self._file.delete()


class TokenFile(CacheHandler):  # type: ignore[misc]
    """The tokens of one client id, in a file that only its owner can read.

    Parameters
    ----------
    client_id : str
    """

    def __init__(self, client_id: str) -> None:
        self.path = user_config_path("audiogenre") / f"spotify-{client_id}.json"

    def get_cached_token(self) -> dict[str, Any] | None:
        """Return what was kept, None if there is nothing that can be used."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError):
            return None
        return kept if _is_usable(kept) else None

    def save_token_to_cache(self, token_info: dict[str, Any]) -> None:
        """Keep tokens: written beside the file, then moved into place."""
        try:
            self._make_folder()
            handle, name = tempfile.mkstemp(".tmp", f"{self.path.name}.", self.path.parent)  # 0600
            beside = Path(name)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(token_info, file)
                beside.replace(self.path)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StoreError(f"cannot write {self.path}: {error.strerror}") from error

    def delete(self) -> bool:
        """Delete the file, and what a killed run has left of it; return whether there was any."""
        beside = self.path.parent.glob(f"{self.path.name}.*.tmp")
        found = [each for each in (self.path, *beside) if each.is_file()]
        for each in found:
            each.unlink(missing_ok=True)
        return bool(found)

    def lock(self) -> FileLock:
        """Return the lock of whoever renews the tokens."""
        self._make_folder()
        return FileLock(self.path.with_suffix(".lock"), mode=0o600)

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make {self.path.parent}: {error.strerror}") from error


def _is_usable(kept: Any) -> bool:
    """Tell whether what a file holds are tokens."""
    return (
        isinstance(kept, dict)
        and isinstance(kept.get("access_token"), str)
        and isinstance(kept.get("refresh_token"), str)
        and isinstance(kept.get("expires_at"), int | float)
    )


def _manager(client_id: str, redirect_uri: str, client: Client | None = None) -> SpotifyPKCE:
    """Return spotipy's manager; of a session that it is given it repeats nothing."""
    manager = SpotifyPKCE(
        client_id,
        redirect_uri,
        scope=SCOPE,
        requests_session=client.session() if client else requests.Session(),
        requests_timeout=10,
        open_browser=False,
        cache_handler=TokenFile(client_id),
    )
    token_url = os.environ.get(TOKEN_VARIABLE)
    if token_url:  # a proxy or a mirror has its page for people where Spotify has it
        manager.OAUTH_TOKEN_URL = token_url
        manager.OAUTH_AUTHORIZE_URL = urljoin(token_url, "../authorize")
    return manager


def _exchange(ask: Any) -> Any:
    """Ask for tokens; what goes wrong is told apart as for every other service."""
    try:
        return ask()
    except SpotifyOauthError as error:
        if error.error in DEAD:
            said = error.error_description or error.error
            raise LoginError(f"the login to Spotify is no longer good ({said}); {AGAIN}") from error
        raise TransientError("bad answer", "no token from Spotify") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise TransientError("bad answer", "no token from Spotify") from error
    except requests.RequestException as error:
        raise TransientError("connection", f"Spotify: {type(error).__name__}") from error

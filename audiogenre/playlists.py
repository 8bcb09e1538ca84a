"""``audiogenre playlists``: liked songs of a Spotify account into one playlist for each genre."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from audiogenre.arguments import between, make_parser
from audiogenre.cli import Output, agree, ask, run
from audiogenre.errors import EXIT_DONE, EXIT_SOME_FAILED, LoginError, UsageError

if TYPE_CHECKING:
    from audiogenre.bundle import Bundle
    from audiogenre.liked.records import Wishes
    from audiogenre.liked.session import Session
    from audiogenre.sources.deezer import Deezer

_PATIENCE = 300.0  # s for a person to agree at Spotify
_SHOWN = 10  # songs of a list, unless more are asked for


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = make_parser(
        "playlists",
        "Put the liked songs of a Spotify account into one playlist for each genre. Songs are "
        "heard elsewhere (in the data folder, or at Deezer by ISRC); docs/howto/spotify-likes.md "
        "says what Spotify's terms mean for this.",
        "  audiogenre playlists login\n"
        "  audiogenre playlists plan --model current --genres rock,jazz\n"
        "  audiogenre playlists apply --model current --genres rock,jazz --yes\n"
        "  audiogenre playlists logout",
    )
    p.add_argument(
        "action",
        choices=("login", "plan", "apply", "logout"),
        help="login: allow this program to; plan: only show what would change; apply: show it, "
        "ask, change it; logout: delete the login and all that is remembered of the account",
    )
    p.add_argument("--client-id", metavar="ID", help="of your own app (SPOTIPY_CLIENT_ID)")
    login = p.add_argument_group("login")
    login.add_argument("--port", type=_port, metavar="N", help="of the redirect URI (any)")
    login.add_argument(
        "--paste", action="store_true", help="for a browser on another machine: paste its address"
    )
    what = p.add_argument_group("plan and apply")
    what.add_argument(
        "--model", metavar="MODEL", help="a name below models/, or a folder (current)"
    )
    what.add_argument("--genres", metavar="A,B,...", help="which become playlists; 'all' is all")
    what.add_argument(
        "--min-probability",
        type=between(0, 1),
        default=0.0,
        metavar="P",
        help="leave out songs whose genre is less likely (%(default)s)",
    )
    what.add_argument(
        "--unknown-playlist",
        action="store_true",
        help="one more playlist, of songs unlike anything the model knows, or less likely than P",
    )
    what.add_argument(
        "--prefix", metavar="TEXT", help="names of new playlists begin so ('Liked: ')"
    )
    what.add_argument(
        "--recreate", action="store_true", help="make playlists anew that you have deleted"
    )
    what.add_argument("--yes", action="store_true", help="apply: do not ask")
    audio = p.add_argument_group("audio")
    audio.add_argument(
        "--library-only", action="store_true", help="only songs of the data folder; ask no service"
    )
    audio.add_argument("--accept-terms", action="store_true", help="accept the terms of Deezer")
    audio.add_argument("--keep-audio", action="store_true", help="keep previews in the data folder")
    audio.add_argument(
        "--max-wait",
        type=between(0, 86_400),
        default=60.0,
        metavar="SECONDS",
        help="how long a request may wait for a busy service before it is left alone (60)",
    )
    return p


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    from audiogenre.liked.login import find_client_id

    client_id = find_client_id(args.client_id)
    if args.action == "login":
        return _login(args, out, client_id)
    if args.action == "logout":
        return _logout(args, out, client_id)
    return _plan_or_apply(args, out, client_id)


def _login(args: argparse.Namespace, out: Output, client_id: str) -> int:
    from audiogenre.liked.login import Login, finish

    pending, address = _answer(args, out, client_id)
    finish(pending, address)
    out.say("you are logged in; Spotify asks for a new login after six months")
    out.next("playlists plan")
    out.result({"logged_in": True, "file": Login(client_id).path})
    return EXIT_DONE


def _answer(args: argparse.Namespace, out: Output, client_id: str) -> tuple[Any, str]:
    """Send the person to Spotify, and wait for the address that the browser comes back to."""
    import threading
    import webbrowser
    from urllib.parse import urlsplit

    from spotipy.oauth2 import RequestHandler, start_local_http_server

    from audiogenre.liked.login import CALLBACK, begin

    if args.paste:
        if out.quiet or sys.stdin is None:
            raise UsageError(
                "--paste shows an address and reads one: not with --quiet, nor without input"
            )
        pending = begin(client_id, f"http://127.0.0.1:{args.port or 8888}{CALLBACK}")
        out.note(f"go to {pending.url}\nand paste the address that the browser ends at:")
        try:
            return pending, sys.stdin.readline().strip()
        except UnicodeDecodeError as error:
            raise UsageError("what was pasted is no address: it is not even text") from error

    class Handler(RequestHandler):  # type: ignore[misc]
        timeout = 5.0  # s, as browsers open connections that they do not use

        def do_GET(self) -> None:  # noqa: N802
            super().do_GET()
            if urlsplit(self.path).path == CALLBACK:
                self.server.came_back = self.path

    try:
        server = start_local_http_server(args.port or 0, Handler)
    except OSError as error:
        raise UsageError(f"port {args.port} cannot be used: {error.strerror}") from error
    with server:
        server.came_back, server.timeout = "", 0.5
        pending = begin(client_id, f"http://127.0.0.1:{server.server_port}{CALLBACK}")
        out.note(f"agree in your browser; if none opens, go to\n{pending.url}")
        threading.Thread(target=webbrowser.open, args=(pending.url,), daemon=True).start()
        deadline = time.monotonic() + _PATIENCE
        while not server.came_back:
            if time.monotonic() > deadline:
                raise LoginError("nobody has agreed in five minutes; run the same command again")
            server.handle_request()
        return pending, server.came_back


def _logout(args: argparse.Namespace, out: Output, client_id: str) -> int:
    from audiogenre.liked.session import forget

    deleted = forget(args.data, client_id)
    for each in deleted:
        out.say(f"deleted: {each}")
    if not deleted:
        out.say("there was nothing to delete")
    out.say("your playlists stay; https://www.spotify.com/account/apps takes the app's access away")
    out.result({"deleted": deleted})
    return EXIT_DONE


def _plan_or_apply(args: argparse.Namespace, out: Output, client_id: str) -> int:
    from audiogenre.liked.login import Login
    from audiogenre.liked.session import Session
    from audiogenre.liked.telling import Bars, end, show

    Login(client_id).check()  # before a model is loaded for nothing
    bundle = _load(args)
    wishes = _wishes(args, bundle)
    applied = None
    with Session(args.data, client_id, max_wait=args.max_wait) as session, Bars(out) as bars:
        deezer = _deezer(args, session, out)
        plan = session.plan(
            bundle, wishes, deezer=deezer, keep_audio=args.keep_audio, progress=bars
        )
        bars.end()
        for note in session.notes:
            out.note(note)
        show(plan, out, most=sys.maxsize if args.verbose else _SHOWN)
        if args.action == "apply" and (plan.is_empty or args.yes or _agrees(out)):
            applied = session.apply(plan, bars.written)
    if session.trouble:
        out.note(f"not all songs were heard: {session.trouble}")
    failures = applied.failures if applied else ()
    for each in failures:
        out.note(f"audiogenre playlists: {each}")
    end(plan, applied, out, action=args.action)
    return EXIT_SOME_FAILED if failures or session.trouble else EXIT_DONE


def _load(args: argparse.Namespace) -> Bundle:
    from audiogenre.bundles import find_bundle, load_bundle

    there = sorted(each.parent.name for each in args.models.glob("[!.]*/metadata.json"))
    name = args.model or (there[0] if len(there) == 1 else "current")
    return load_bundle(find_bundle(name, args.models))


def _wishes(args: argparse.Namespace, bundle: Bundle) -> Wishes:
    from audiogenre.genres import FILE, GenreTree
    from audiogenre.liked.records import PREFIX, Wishes
    from audiogenre.liked.sync import check

    given = [each.strip().casefold() for each in (args.genres or "").split(",") if each.strip()]
    tree = GenreTree.load(args.data / FILE)
    named = {label.casefold(): label for label in bundle.labels}
    genres = [named.get(each) or tree.label(each) for each in given]
    wishes = Wishes(
        genres=tuple(bundle.labels if given == ["all"] else dict.fromkeys(genres)),
        min_probability=args.min_probability,
        unknown=args.unknown_playlist,
        prefix=PREFIX if args.prefix is None else args.prefix,
        recreate=args.recreate,
    )
    check(wishes, bundle.labels)
    return wishes


def _deezer(args: argparse.Namespace, session: Session, out: Output) -> Deezer | None:
    from typing import cast

    from audiogenre.sources.deezer import Deezer
    from audiogenre.typing import Source

    if args.library_only:
        return None
    deezer = Deezer(max_wait=args.max_wait)
    agree(cast(Source, deezer), session.catalog, out, accepted=args.accept_terms)
    return deezer


def _agrees(out: Output) -> bool:
    if out.json or out.quiet or sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked; look at the plan, then repeat with --yes")
    return ask("Write this to Spotify?")


def _port(text: str) -> int:
    if not text.isdecimal() or not 1024 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1024 to 65535")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre playlists``; return the exit code."""
    return run(command, parser(), argv, resumes=True)


if __name__ == "__main__":
    sys.exit(main())

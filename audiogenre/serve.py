"""``audiogenre serve``: the page, on this machine."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

from audiogenre.arguments import make_parser, positive
from audiogenre.cli import Output, run
from audiogenre.errors import EXIT_DONE, MissingExtraError, UsageError

_VARIABLE = "AUDIOGENRE_PASSWORD"
_NEEDED = ("cachetools", "fastapi", "itsdangerous", "jinja2", "multipart", "pebble", "uvicorn")


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = make_parser(
        "serve",
        "Show the page: drop a clip and see what it sounds like, compare models, look at the map "
        "of the tracks, make playlists, correct labels. With a JSON API beside it "
        "(/api/openapi.json). Only this machine can see it, unless --host says otherwise.",
        "  audiogenre serve\n"
        "  audiogenre serve --model extracted-full --port 8080\n"
        f"  {_VARIABLE}='a long one' audiogenre serve --host 0.0.0.0\n"
        "  curl -F file=@song.mp3 http://127.0.0.1:8000/api/predict",
    )
    p.add_argument(
        "--model",
        metavar="MODEL",
        help="which one listens: a name below models/, or a folder (the champion, else the newest)",
    )
    p.add_argument(
        "--host",
        default="127.0.0.1",
        help=f"address to listen on; any but this machine's own demands {_VARIABLE} (%(default)s)",
    )
    p.add_argument("--port", type=_port, default=8000, help="0 takes a free one (%(default)s)")
    p.add_argument(
        "--jobs", type=positive(int), metavar="N", help="clips listened to at once (cores)"
    )
    p.add_argument(
        "--queue",
        type=positive(int),
        default=32,
        metavar="N",
        help="clips taken at a time; whoever comes then is asked to try again (%(default)s)",
    )
    return p


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    _check_installed()
    import uvicorn
    from joblib import cpu_count

    from audiogenre.web.app import make_app
    from audiogenre.web.listening import choose_model
    from audiogenre.web.settings import Settings, is_loopback

    password = os.environ.get(_VARIABLE, "")
    if not is_loopback(args.host) and not password:
        raise UsageError(
            f"--host {args.host} shows the page to other machines: set a password in {_VARIABLE}"
        )
    bundle = choose_model(args.models, args.model)
    settings = Settings(
        data=args.data.resolve(),
        models=args.models.resolve(),
        model=args.model,
        host=args.host,
        password=password,
        jobs=args.jobs or int(cpu_count()),
        max_waiting=args.queue,
    )
    with _listening(args.host, args.port) as listening:
        host = f"[{args.host}]" if ":" in args.host else args.host
        url = f"http://{host}:{listening.getsockname()[1]}"
        out.say(f"{url} ({f'model {bundle.name}' if bundle else 'no model yet'}); Ctrl-C ends it")
        out.result({"url": url, "model": bundle.name if bundle else None})
        config = uvicorn.Config(
            make_app(settings, bundle),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=3,
            limit_concurrency=500,
        )
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])
    return EXIT_DONE


def _check_installed() -> None:
    """Refuse to begin without the packages that the page needs.

    Raises
    ------
    MissingExtraError
    """
    from importlib.util import find_spec

    if any(find_spec(each) is None for each in _NEEDED):
        raise MissingExtraError("The page", "web")


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises
    ------
    UsageError
        If the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        why = (error.strerror or str(error)).partition(" (while")[0]
        raise UsageError(f"cannot listen on {host}, port {port} ({why}): try another") from error


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre serve``; return the exit code."""
    return run(command, parser(), argv)


if __name__ == "__main__":
    sys.exit(main())

"""``audiogenre COMMAND`` and ``python -m audiogenre COMMAND``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from audiogenre import __version__
from audiogenre.errors import EXIT_DONE, EXIT_USAGE

COMMANDS = {
    "download": "fill the catalogue and fetch previews",
    "extract": "compute features of every new preview",
    "fit": "build a genre or mood classifier and measure it honestly",
    "compare": "put two or more models side by side on the same test tracks",
    "evaluate": "judge a model by music from elsewhere, also as a phone would record it",
    "predict": "tell the genre of audio files",
    "explore": "see which genres are neighbours, what tells them apart, which labels are doubtful",
    "serve": "show the page: listen, compare models, see the map, correct labels",
    "relabel": "correct the label of a track; the first one is kept",
    "playlists": "put liked songs of a Spotify account into one playlist for each genre",
    "refresh": "do what a night does: download, extract, fit, keep the better model",
    "status": "show what the catalogue and the store hold, what failed and why",
}


def usage() -> str:
    """Return the help text."""
    lines = "\n".join(f"  {name:<10}{what}" for name, what in COMMANDS.items())
    return (
        "usage: audiogenre COMMAND [options]\n\n"
        "Build genre and mood classifiers from 30-second previews.\n\n"
        f"commands:\n{lines}\n\n"
        "'audiogenre COMMAND --help' tells the options of each.\n\n"
        "example:\n"
        "  audiogenre download && audiogenre extract && audiogenre fit --features extracted"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return EXIT_DONE if arguments else EXIT_USAGE
    if arguments[0] == "--version":
        print(f"audiogenre {__version__}")
        return EXIT_DONE
    command = arguments[0]
    if command not in COMMANDS:
        print(
            f"audiogenre: there is no command {command!r}; the commands are {', '.join(COMMANDS)}",
            file=sys.stderr,
        )
        return EXIT_USAGE
    return int(import_module(f"audiogenre.{command}").main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main())

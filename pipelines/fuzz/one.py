"""One target in a process of its own: ``python -m pipelines.fuzz.one TARGET FOLDER [options]``.

The options are libFuzzer's. It ends the process itself: with 0 when it is done, else with a file
that repeats what it has found.
"""

from __future__ import annotations

import faulthandler
import sys
import tempfile
import warnings
from pathlib import Path

from pipelines.fuzz.targets import MODULES

# What the fuzzer sees: each line more makes it slower.
_SEEN = {
    "texts": ["audiogenre"],
    "clips": ["audiogenre", "mutagen"],
    "tables": ["audiogenre"],
    "models": ["audiogenre", "skops"],
}


def main() -> None:
    """Fuzz one target until libFuzzer ends the process."""
    import atheris

    name, corpus, *options = sys.argv[1:]
    files = [each for each in options if not each.startswith("-")]  # to be repeated, and no others
    options = [each for each in options if each.startswith("-")]
    with atheris.instrument_imports(include=_SEEN[MODULES[name]]):
        from audiogenre.errors import AudiogenreError
        from pipelines.fuzz.targets import find

        target = find(name)
    for number, seed in enumerate(target.seeds()):
        Path(corpus, f"seed-{number}").write_bytes(seed)
    warnings.simplefilter("ignore")  # a strange input may be warned of
    folder = Path(tempfile.mkdtemp())  # libFuzzer ends the process: whoever began it clears up
    call = target.prepare(folder)

    def one(data: bytes) -> None:
        if not faulthandler.is_enabled():  # before libFuzzer's own handlers, which are there by now
            faulthandler.enable()
        try:
            call(data)
        except AudiogenreError as error:
            str(error).encode()  # what is said of it can be written down

    places = files or [corpus]
    atheris.Setup([sys.argv[0], *options, f"-max_len={target.longest}", *places], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

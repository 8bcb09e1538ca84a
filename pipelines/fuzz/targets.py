"""What is fuzzed: each target takes bytes, and refuses them with an error of the project's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

# Which module of this package has which targets; they are imported by the fuzzer alone, since it
# sees only what is imported under its eyes.
MODULES: dict[str, str] = {
    "genres": "texts",
    "config": "texts",
    "manifest": "texts",
    "corrections": "texts",
    "m3u": "texts",
    "names": "texts",
    "read_tags": "clips",
    "mp3": "clips",
    "decode": "clips",
    "tags": "clips",
    "csv": "tables",
    "parquet": "tables",
    "metadata": "models",
    "bundle": "models",
}


@dataclass(frozen=True)
class Target:
    """One way in.

    Attributes
    ----------
    prepare : callable
        Given a folder to write into, returns what is called with bytes, once an execution. It may
        raise an `AudiogenreError`; any other error is a finding, and so is a wrong answer, which
        it tells by an `AssertionError`.
    seeds : callable
        Returns inputs to start from.
    longest : int
        Bytes of an input at most.
    """

    prepare: Callable[[Path], Callable[[bytes], object]]
    seeds: Callable[[], list[bytes]]
    longest: int = 4096


def find(name: str) -> Target:
    """Import the module of a target, and return it."""
    module = import_module(f"pipelines.fuzz.{MODULES[name]}")
    found: Target = module.TARGETS[name]
    return found

"""Every command of README and docs is run, in order, or at least parsed by the real parser."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from glob import glob
from importlib import import_module
from pathlib import Path

import pytest

from audiogenre import untag
from audiogenre.tagging import UNDO
from docs.blocks import PAGES, ROOT, Command, command, commands, elsewhere
from docs.listed import FROM_SCRATCH, NOT_RUN, SOME_FAIL, matches, reason
from pipelines.docs import commands as reference

EXTEND = "docs/howto/extend.md"  # has a test of its own: it changes the program
ALL = [(page, each) for page in PAGES if page != EXTEND for each in commands(page)]
RUN = list(dict.fromkeys(page for page, each in ALL if not reason(page, each.text)))
SECRETS = ("SPOTIPY_CLIENT_ID", "AUDIOGENRE_JAMENDO_CLIENT_ID", "AUDIOGENRE_PASSWORD")


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_a_reader_can_type_every_command_of_a_page(
    page: str, reader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if page in FROM_SCRATCH:
        for name in ("data", "models", "audiogenre.toml"):
            shutil.rmtree(name) if Path(name).is_dir() else Path(name).unlink()
    for each in commands(page):
        if reason(page, each.text):
            continue
        exported = re.fullmatch(r"export (\w+)=(\S+)", each.text)
        if exported:
            assert exported[1] in SECRETS and exported[2] == "..."  # the fakes have set them
        elif each.plain:
            for module, arguments in each.ours:
                some_fail = any(matches(key, each.text) for key in SOME_FAIL)
                code = run(module, arguments)
                assert code in ((0, 1) if some_fail else (0,)), f"{page}: {each.text}: {code}"
        else:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", each.text],
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
            )
            assert done.returncode == 0, f"{page}: {each.text}: {done.stderr}"


def run(module: str, arguments: tuple[str, ...]) -> int:
    """Run one of our commands in this process, with its arguments as a shell hands them over."""
    words = [word for each in arguments for word in expanded(each)]
    name = f"{module}.__main__" if module.startswith("pipelines") else module
    stderr = sys.stderr
    try:
        return int(import_module(name).main(words))
    except SystemExit as error:
        return int(error.code or 0)
    finally:
        sys.stderr = stderr


def expanded(word: str) -> Iterator[str]:
    path = os.path.expanduser(word)  # noqa: PTH111
    yield from sorted(glob(path)) or [path]


@pytest.mark.parametrize(("page", "command"), ALL, ids=lambda each: getattr(each, "text", each))
def test_the_options_of_every_command_exist(page: str, command: Command) -> None:
    for module, arguments in command.ours:
        parsed(module, arguments)
    for part in command.text.split("&&"):
        words = shlex.split(part, comments=True)
        if words[:1] == ["make"]:
            check_make(words[1:])
        if words[:2] == ["pip", "install"]:
            check_extras(words[2:])


@pytest.mark.parametrize("page", PAGES)
def test_so_do_those_in_crontabs_units_and_containers(page: str) -> None:
    found = elsewhere(page)
    assert found or page != "docs/howto/nightly.md"
    for module, arguments in found:
        parsed(module, arguments)


def test_so_do_those_of_make_demo() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    text = re.sub(r"\$\(.*\)", "FILE", done.stdout.replace("\\\n", " "))
    found = [command(line).ours for line in text.splitlines() if "python -m audiogenre." in line]
    assert len(found) == 6 and all(found)
    for ours in found:
        parsed(*ours[0])


def parsed(module: str, arguments: tuple[str, ...]) -> None:
    """Have the real parser read the arguments; a wrong one ends the test."""
    name = f"{module}.__main__" if module.startswith("pipelines") else module
    parser = untag.parser() if UNDO in arguments else import_module(name).parser()
    parser.parse_args([word for word in arguments if word])


PIPELINES = {
    "BENCH": "pipelines.benchmark",
    "FUZZ": "pipelines.fuzz",
    "TORTURE": "pipelines.torture",
}


def check_make(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for word in words:
        variable, is_variable, value = word.partition("=")
        if not is_variable:
            assert re.search(rf"^{word}:", makefile, re.MULTILINE), f"no target {word!r}"
        elif variable in PIPELINES:
            parsed(PIPELINES[variable], tuple(value.split()))
        else:
            assert f"{variable} " in makefile


def check_extras(words: list[str]) -> None:
    config = (ROOT / "setup.cfg").read_text()
    for extras in re.findall(r"^audiogenre\[([\w,]+)\]$", "\n".join(words), re.MULTILINE):
        for extra in extras.split(","):
            assert re.search(rf"^{extra} =$", config, re.MULTILINE), f"no extra {extra!r}"


def test_the_list_of_what_is_not_run_is_not_longer_than_it_has_to_be() -> None:
    texts = [each.text for _, each in ALL]
    for key in NOT_RUN:
        assert any(matches(key, text) for text in texts), f"no page has a command like {key!r}"


def test_examples_in_the_help_of_every_command_can_be_typed() -> None:
    for typed, parser in reference.parsers().items():
        lines = [line.strip() for line in (parser.epilog or "").splitlines()[1:]]
        assert lines, f"{typed} has no example"
        for line in lines:
            for module, arguments in command(line).ours:
                parsed(module, arguments)

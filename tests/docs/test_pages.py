"""Pages name what exists: links, options, settings, variables; and what is generated is whole."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from audiogenre.__main__ import COMMANDS
from audiogenre.config import RefreshSettings
from audiogenre.features import FEATURE_SETS
from audiogenre.sources import SOURCES
from docs.blocks import PAGES, ROOT, prose, read
from pipelines.benchmark.__main__ import _write
from pipelines.benchmark.__main__ import parser as benchmark
from pipelines.docs import commands as reference
from pipelines.docs import measured, tables
from pipelines.reproduce.rows import ROWS

OTHERS = {"--no-deps", "--index-url"}  # options of pip
_LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")


def anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    words = (re.sub(r"[^\w\s-]", "", each.lower()) for each in titles)
    return {re.sub(r"\s+", "-", each.strip()) for each in words}


@pytest.mark.parametrize("page", PAGES)
def test_links_to_other_pages_lead_somewhere(page: str) -> None:
    here = ROOT / page
    for target, anchor in _LINK.findall(prose(page)):
        if target.startswith(("https://", "http://", "figures/")):
            continue  # figures are drawn when the site is built, which checks them
        path = here.parent / target if target else here
        assert path.exists(), f"{page}: {target}"
        if anchor:
            assert anchor[1:] in anchors(path), f"{page}: {target}{anchor}"


@pytest.mark.parametrize("page", PAGES)
def test_options_named_in_the_text_exist(page: str) -> None:
    there = {
        option
        for parser in reference.parsers().values()
        for action in parser._actions
        for option in action.option_strings
    }
    named = {
        option
        for code in re.findall(r"`([^`\n]+)`", prose(page))
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", code)
    }
    assert named <= there | OTHERS


def test_every_page_is_found_from_the_table_of_contents() -> None:
    contents = (ROOT / "mkdocs.yml").read_text()
    listed = re.findall(r"^ +- (?:[\w ]+: )?([\w/-]+\.md)$", contents, re.MULTILINE)
    there = {each.removeprefix("docs/") for each in PAGES if each.startswith("docs/")}
    assert {*listed} == there | {"changelog.md"} and len(listed) == len({*listed})


def test_every_environment_variable_is_explained() -> None:
    found = {
        name
        for path in (ROOT / "audiogenre").rglob("*.py")
        for name in re.findall(r'"((?:AUDIOGENRE|SPOTIPY)_[A-Z_]*[A-Z])"', path.read_text())
    }
    page = read("docs/reference/config.md")
    assert len(found) > 5
    assert {name for name in found if f"`{name}`" not in page} == set()


def test_every_source_is_in_the_table() -> None:
    page = read("docs/reference/sources.md")
    assert [name for name in SOURCES if f"\n| `{name}`" not in page] == []


def test_the_reference_has_every_command_and_every_option() -> None:
    text = reference.reference()
    for name in COMMANDS:
        assert f"\n## audiogenre {name}\n" in text
    for parser in reference.parsers().values():
        for action in parser._actions:
            for option in action.option_strings:
                assert option in ("-h", "--help", "--version") or option in text
    assert "%(" not in text and "None" not in text


def test_an_option_stands_as_it_is_typed() -> None:
    text = reference.reference()
    assert "| `--tolerance T` | " in text
    assert "| `--labels {folder,manifest,tags}` | " in text
    assert "| `-q, --quiet` | say nothing but errors |" in text


def test_the_tables_of_settings_and_feature_sets_are_whole() -> None:
    settings = tables.refresh_settings()
    assert all(f"| `{key}` |" in settings for key in RefreshSettings.__dataclass_fields__)
    assert '| `set` | `"full"` |' in settings and "| `keep_audio` | `true` |" in settings
    options = tables.source_options()
    assert all(f"| `{name}` |" in options for name in SOURCES)
    assert "`per_genre` (`30`)" in options
    rows = [line.split(" | ") for line in tables.feature_sets().splitlines()[2:]]
    for name, each in FEATURE_SETS.items():
        assert sum(int(row[2]) for row in rows if row[0] == f"| `{name}`") == len(each.columns)


def test_the_reasons_of_failures_are_those_that_are_given() -> None:
    text = tables.failures()
    for about, reason in (
        ("a clip", "truncated"),
        ("a clip", "silent"),
        ("a service", "no preview"),
        ("a service", "rate limit"),
        ("a list of tracks", "missing"),
    ):
        assert f"| {about} | `{reason}` |" in text
    assert "no sample is louder than -80 dB" in text


def test_a_recorded_run_is_shown_and_a_quick_one_is_not(tmp_path: Path) -> None:
    folder, value = tmp_path / "benchmark", "12.35"
    row = {"what": "largest error", "value": 12.345, "unit": "ppm", "protocol": "8 clips"}
    args = benchmark().parse_args(["--quick"])
    _write(folder, {"parity": [row]}, 8, args)  # as the benchmark writes it
    record = json.loads((folder / "parity.json").read_text())
    section = measured.benchmark(folder).partition("### Parity")[2].partition("###")[0]
    assert "Only a quick run" in section and value not in section
    (folder / "parity.json").write_text(json.dumps(record | {"quick": False}))
    section = measured.benchmark(folder).partition("### Parity")[2].partition("###")[0]
    assert value in section and "Protocol: 8 clips" in section
    assert "### Speed\n\nNo run is recorded yet" in measured.benchmark(folder)


def test_every_published_result_has_a_row_measured_or_not(tmp_path: Path) -> None:
    empty = measured.reproduce(tmp_path).splitlines()
    assert empty[0] == "### Not recorded yet" and len(empty[4:]) == len(ROWS)
    first = {"n": 1234, "ours_their_protocol": None, "ours": 71.26, "interval": [60.0, 80.0]}
    first |= {"protocol": "by artist", "repeats": 3}
    (tmp_path / f"{ROWS[0].key}.json").write_text(json.dumps(first))
    there, _, missing = measured.reproduce(tmp_path).partition("### Not recorded yet")
    assert "|  | 71.3 % (60.0 to 80.0) | n = 1,234; by artist; 3 × |" in there
    assert len(missing.strip().splitlines()[2:]) == len(ROWS) - 1


def test_every_recorded_row_is_one_of_ours() -> None:
    kept = {path.stem for path in (measured.MEASURED / "reproduce").glob("*.json")}
    assert kept <= {row.key for row in ROWS}

"""The page Dataset: sources, failures and retry, doubtful labels by one key each."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from conftest import SAMPLE_GENRES, SAMPLE_PER_GENRE

from audiogenre.catalog import USER, Catalog, Failure
from audiogenre.review import FOLDER, Review, Suspect

from .conftest import Shelf, find_token

Open = Callable[..., Any]
FIRST, SECOND, THIRD, FOURTH = SAMPLE_GENRES


@pytest.fixture
def doubts(shelf: Shelf) -> Iterator[list[str]]:
    """Return the ids of three tracks whose labels are in doubt; afterwards all is as before."""
    with Catalog(shelf.data / "catalog.db") as catalog:
        ids = [track_id for track_id, label, *_ in catalog.labelled("genre") if label == FIRST][:3]
    shutil.rmtree(shelf.data / FOLDER, ignore_errors=True)
    Review(shelf.data).keep([Suspect(each, FIRST, SECOND, 0.8, 0.1) for each in ids])
    yield ids
    with Catalog(shelf.data / "catalog.db") as catalog, catalog.transaction():
        for each in ids:
            catalog.uncorrect(each, "genre")


def corrected(shelf: Shelf) -> dict[str, str]:
    """Return the labels that a person has given, by track."""
    with Catalog(shelf.data / "catalog.db") as catalog:
        return {each[0]: each[2] for each in catalog.corrections()}


def title(page: Any) -> str:
    return str(page.locator(".doubt-card h3").inner_text())


def press(page: Any, key: str) -> None:
    """Press a key, and wait until it is said what came of it."""
    before = page.locator("#said").inner_text()
    page.keyboard.press(key)
    said = page.locator("#said")
    if before:
        said = said.filter(has_not_text=before)
    said.filter(has_text=re.compile(r"\S")).wait_for(state="attached")


def test_what_is_there_is_counted(shelf: Shelf, open_page: Open, doubts: list[str]) -> None:
    page = open_page(f"{shelf.url}/dataset")
    n = str(len(SAMPLE_GENRES) * SAMPLE_PER_GENRE)
    row = page.locator(".two tbody tr").first
    assert row.locator("th").inner_text() == "sample"
    assert row.locator("td.number").all_inner_texts() == [n, n]
    with Catalog(shelf.data / "catalog.db") as catalog:
        licence = next(iter(catalog.known().values())).licence
    assert (licence or "not said") in row.inner_text()
    assert page.locator(".two .bars li").count() == len(SAMPLE_GENRES)
    assert page.get_by_text("Nothing. Every track that was asked for is here.").is_visible()
    assert page.get_by_role("link", name="3 labels wait for your ear").is_visible()


def test_one_key_each_and_the_catalogue_says_who(
    shelf: Shelf, open_page: Open, doubts: list[str]
) -> None:
    page = open_page(f"{shelf.url}/dataset#review")
    first = title(page)
    press(page, "c")
    assert title(page) != first
    press(page, "k")
    press(page, "u")
    assert page.locator(".doubts").get_by_text("Nothing is left to hear.").is_visible()
    assert corrected(shelf) == {doubts[0]: SECOND, doubts[1]: FIRST}
    with Catalog(shelf.data / "catalog.db") as catalog:
        labels = {(each.name, each.provenance) for each in catalog.known()[doubts[0]].labels}
        notes = {each[0]: each[3] for each in catalog.corrections()}
    assert (SECOND, USER) in labels
    assert any(name == FIRST and said != USER for name, said in labels)
    assert notes[doubts[0]] == "heard and changed, page Dataset"
    assert [each.decision for each in Review(shelf.data).decided()] == ["change", "keep", "unsure"]


def test_what_was_said_can_be_taken_back(shelf: Shelf, open_page: Open, doubts: list[str]) -> None:
    page = open_page(f"{shelf.url}/dataset#review")
    first = title(page)
    press(page, "c")
    press(page, "u")
    press(page, "z")
    press(page, "z")
    assert title(page) == first
    assert corrected(shelf) == {}
    assert Review(shelf.data).decided() == []


def test_it_can_be_something_else_again(shelf: Shelf, open_page: Open, doubts: list[str]) -> None:
    page = open_page(f"{shelf.url}/dataset#review")
    page.get_by_label("Change to something else").select_option(THIRD)
    page.get_by_role("button", name=f"Change to {THIRD}").click()
    page.get_by_text(f"changed to {THIRD}").wait_for()
    assert corrected(shelf) == {doubts[0]: THIRD}


def test_keys_can_be_switched_off_and_do_not_reach_into_fields(
    shelf: Shelf, open_page: Open, doubts: list[str]
) -> None:
    page = open_page(f"{shelf.url}/dataset#review")
    page.get_by_label("Change to something else").focus()
    page.keyboard.press("k")
    page.get_by_role("checkbox", name="One key is enough").uncheck()
    page.keyboard.press("c")
    page.get_by_role("checkbox", name="One key is enough").check()
    press(page, "u")
    assert corrected(shelf) == {}
    assert len(Review(shelf.data).decided()) == 1


def test_space_plays(shelf: Shelf, open_page: Open, doubts: list[str]) -> None:
    page = open_page(f"{shelf.url}/dataset#review")
    page.keyboard.press("Space")
    page.locator('.doubts .play[aria-pressed="true"]').wait_for()
    page.keyboard.press("Space")
    page.locator('.doubts .play[aria-pressed="false"]').wait_for()


def test_forms_do_it_without_script(shelf: Shelf, open_page: Open, doubts: list[str]) -> None:
    page = open_page(f"{shelf.url}/dataset", java_script_enabled=False)
    page.get_by_role("button", name=f"Keep {FIRST}").click()
    assert corrected(shelf) == {doubts[0]: FIRST}
    page.get_by_role("button", name="Undo").click()
    assert corrected(shelf) == {}


@pytest.mark.parametrize(
    "path", ["/api/review", "/dataset/review", "/dataset/retry", "/dataset/suspects", "/map"]
)
def test_nothing_changes_without_the_token(shelf: Shelf, doubts: list[str], path: str) -> None:
    form = {"decision": "change", "track_id": doubts[0]}
    assert httpx.post(shelf.url + path, data=form).status_code == 403
    assert corrected(shelf) == {}


def test_what_is_no_decision_is_refused(shelf: Shelf, doubts: list[str]) -> None:
    with httpx.Client(base_url=shelf.url) as client:
        headers = {"x-csrf-token": find_token(client.get("/dataset").text)}
        for form in (
            {"decision": "delete", "track_id": doubts[0]},
            {"decision": "keep", "track_id": "sample:none"},
        ):
            answer = client.post("/api/review", data=form, headers=headers)
            assert answer.status_code == 422
    assert corrected(shelf) == {}


def test_what_failed_is_tried_again_and_nothing_else(
    sample_data: Path, tmp_path: Path, serve_here: Callable[..., str], open_page: Open
) -> None:
    data = tmp_path / "data"
    shutil.copytree(sample_data, data)
    with Catalog(data / "catalog.db") as catalog:
        lost = sorted(catalog.known())[:2]
        for folder in (data / "features").glob("*-*"):
            without(folder, lost)
        with catalog.transaction():
            catalog.fail(Failure(lost[0], "extract", "crashed", "the worker process died, twice"))
    page = open_page(f"{serve_here(tmp_path)}/dataset")
    assert "1 of them, by reason" in page.locator("#failures").inner_text()
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("1 of 1 went well this time.").wait_for(timeout=180_000)
    assert page.get_by_text("Nothing. Every track that was asked for is here.").is_visible()
    found = httpx.get(f"{page.url.partition('/dataset')[0]}/api/dataset").json()
    n = len(SAMPLE_GENRES) * SAMPLE_PER_GENRE
    assert [count for _, count in found["sets"]] == [n - 1, n - 1]


def without(folder: Path, lost: list[str]) -> None:
    """Take the rows of tracks out of a set."""
    for part in folder.glob("part-*.parquet"):
        table = pq.read_table(part)
        gone = pc.is_in(table["track_id"], pa.array(lost))
        pq.write_table(table.filter(pc.invert(gone)), part)


def test_doubtful_labels_are_looked_for(
    sample_data: Path, tmp_path: Path, serve_here: Callable[..., str], open_page: Open
) -> None:
    data = tmp_path / "data"
    shutil.copytree(sample_data, data)
    (full,) = (data / "features").glob("full-*")
    shutil.rmtree(full)  # the smaller set is soon done
    with Catalog(data / "catalog.db") as catalog, catalog.transaction():
        wrong = next(each[0] for each in catalog.labelled("genre") if each[1] == FIRST)
        catalog._db.execute("UPDATE labels SET name = ? WHERE track_id = ?", (FOURTH, wrong))
    page = open_page(f"{serve_here(tmp_path)}/dataset")
    page.get_by_role("button", name="Look for doubtful labels").click()
    assert page.get_by_text("Looking for doubtful labels").is_visible()
    page.get_by_role("button", name="Look again").wait_for(timeout=180_000)
    found = {each.track_id: each for each in Review(data).suspects()}
    assert (found[wrong].label, found[wrong].suggestion) == (FOURTH, FIRST)
    assert page.locator(".progress-line").inner_text().startswith(f"{len(found)} label")


def test_without_a_catalogue_it_says_what_to_do(
    tmp_path: Path, serve_here: Callable[..., str]
) -> None:
    url = serve_here(tmp_path)
    assert "There are no tracks yet" in httpx.get(f"{url}/dataset").text
    assert httpx.get(f"{url}/api/dataset").status_code == 422
    assert httpx.get(f"{url}/api/review").json() == {"found_at": "", "waiting": [], "decided": 0}


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_and_anybody_can_use_it(
    shelf: Shelf,
    open_page: Open,
    doubts: list[str],
    check_page: Callable[[Any], None],
    width: int,
    theme: str,
) -> None:
    with Catalog(shelf.data / "catalog.db") as catalog, catalog.transaction():
        catalog.fail(Failure("folder:" + "x" * 200, "download", "not audio", "a web page"))
    page = open_page(f"{shelf.url}/dataset", width=width, color_scheme=theme)
    press(page, "k")
    check_page(page)
    with Catalog(shelf.data / "catalog.db") as catalog, catalog.transaction():
        catalog.forgive("folder:" + "x" * 200, "download")

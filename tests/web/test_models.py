"""The page Models: scores with their protocol, cards, two side by side, the champion's history."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from audiogenre.bundles import read_metadata

from .conftest import MODEL, Shelf

Open = Callable[..., Any]
OTHER = "extracted-baseline"


def test_each_model_has_its_score_with_the_protocol_in_words(shelf: Shelf, open_page: Open) -> None:
    page = open_page(f"{shelf.url}/models")
    models = page.locator(".model")
    assert models.count() == 3
    own = models.filter(has=page.get_by_role("link", name=MODEL, exact=True))
    scores = read_metadata(shelf.models / MODEL)["scores"]
    assert (
        own.locator(".score").inner_text() == f"{100 * scores['accuracy']:.0f}\N{NO-BREAK SPACE}%"
    )
    assert "Right on artists it has never heard" in own.inner_text()
    assert "listening now" in own.inner_text()


def test_a_flattered_score_says_so_and_comes_last(
    tmp_path: Path, shelf: Shelf, serve_here: Callable[..., str]
) -> None:
    models = tmp_path / "models"
    shutil.copytree(shelf.models / OTHER, models / "honest")
    metadata = read_metadata(shelf.models / OTHER)
    metadata["split"]["kind"], metadata["scores"]["accuracy"] = "random", 1.0
    shutil.copytree(shelf.models / OTHER, models / "flattered")
    (models / "flattered" / "metadata.json").write_text(json.dumps(metadata))
    found = httpx.get(f"{serve_here(tmp_path)}/api/models").json()["models"]
    assert [each["name"] for each in found] == ["honest", "flattered"]
    assert found[1]["protocol"] == "on songs of artists it knows already, which flatters it"


def test_the_card_shows_every_figure(shelf: Shelf, open_page: Open) -> None:
    page = open_page(f"{shelf.url}/models")
    page.get_by_role("link", name=MODEL, exact=True).click()
    scores = read_metadata(shelf.models / MODEL)["scores"]
    cells = page.locator(".confusion tbody td").all_inner_texts()
    assert [int(each) for each in cells] == [n for row in scores["confusion"] for n in row]
    titles = page.locator(".panel h2").all_inner_texts()
    assert titles == [
        "What it takes for what",
        "Wrong by label",
        "Does it know how sure to be?",
        "The price of not overfitting",
        "What it listens to",
    ]
    assert page.locator(".chart .dot").count() == len(scores["reliability"])
    page.get_by_text("The figures of its card, as images").click()
    image = page.get_by_role("link", name="confusion-matrix.png")
    answer = httpx.get(shelf.url + image.get_attribute("href"))
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == (shelf.models / MODEL / "figures/confusion-matrix.png").read_bytes()


@pytest.mark.parametrize("width", [360, 1440])
def test_the_confusion_matrix_names_labels_in_full(
    shelf: Shelf, open_page: Open, check_page: Callable[[Any], None], width: int
) -> None:
    page = open_page(f"{shelf.url}/models/{MODEL}", width=width)
    names = page.locator(".confusion th .cut")
    assert names.count() == 8
    cut = "(x) => x.scrollWidth > x.clientWidth || x.scrollHeight > x.clientHeight"
    assert names.evaluate_all(f"(all) => all.filter({cut}).map((x) => x.textContent)") == []
    check_page(page)


@pytest.mark.parametrize(
    "path",
    [
        "/models/none",
        "/models/..%2fdata",
        f"/models/{MODEL}/figures/..%2fmetadata.json",
        f"/models/{MODEL}/figures/none.png",
        "/api/models/none",
        f"/api/compare?first={MODEL}&second=none",
    ],
)
def test_a_name_leads_nowhere_but_to_what_is_there(shelf: Shelf, path: str) -> None:
    assert httpx.get(shelf.url + path).status_code == 404


def test_two_side_by_side_say_what_the_command_says(
    shelf: Shelf, open_page: Open, run_command: Callable[..., Any]
) -> None:
    said = run_command("compare", MODEL, OTHER, "--models", shelf.models, "--json").stdout
    expected = json.loads(said)["comparisons"][0]
    query = {"first": MODEL, "second": OTHER}
    found = httpx.get(f"{shelf.url}/api/compare", params=query).json()
    assert found == expected
    page = open_page(f"{shelf.url}/models")
    page.get_by_label("This one").select_option(MODEL)
    page.get_by_label("against").select_option(OTHER)
    page.get_by_role("button", name="Compare").click()
    low, high = expected["difference_interval"]
    points = f"{100 * abs(expected['difference']):.1f} points"
    verdict = page.locator(".verdict").inner_text()
    assert points in verdict
    assert ("is better by" in verdict) == (low > 0 or high < 0)
    assert page.locator(".both tbody tr").count() == len(expected["labels"]) + 1
    assert f"first={MODEL}" in page.url and f"second={OTHER}" in page.url


def test_what_cannot_be_compared_is_said_in_a_sentence(shelf: Shelf, open_page: Open) -> None:
    page = open_page(f"{shelf.url}/models?first={MODEL}&second={MODEL}")
    assert page.get_by_role("alert").inner_text() == "That is twice the same model: choose two."


def test_the_history_is_a_line_and_a_table(shelf: Shelf, open_page: Open) -> None:
    page = open_page(f"{shelf.url}/models")
    history = page.locator("#history")
    assert history.locator(".dot").count() == 3
    assert history.locator("path.promoted").count() == 2
    assert history.locator("path.rejected").count() == 1
    history.locator("summary").click()
    assert history.locator("tbody tr").first.inner_text().startswith("2026-01-03 03:00")
    assert len(httpx.get(f"{shelf.url}/api/champions").json()) == 3


def test_a_damaged_model_is_named_and_the_others_shown(
    tmp_path: Path, shelf: Shelf, serve_here: Callable[..., str]
) -> None:
    shutil.copytree(shelf.models / OTHER, tmp_path / "models" / "good")
    shutil.copytree(shelf.models / OTHER, tmp_path / "models" / "cut")
    (tmp_path / "models" / "cut" / "metadata.json").write_text('{"schema_version": 1, "na')
    url = serve_here(tmp_path)
    found = httpx.get(f"{url}/api/models").json()
    assert [each["name"] for each in found["models"]] == ["good"]
    assert list(found["damaged"]) == ["cut"]
    assert "<b>cut</b>" in httpx.get(f"{url}/models").text


def test_without_models_it_says_how_to_have_one(
    tmp_path: Path, serve_here: Callable[..., str]
) -> None:
    page = httpx.get(f"{serve_here(tmp_path)}/models").text
    assert "There is no model yet" in page and "audiogenre fit" in page


def test_by_keyboard_alone(shelf: Shelf, open_page: Open) -> None:
    page = open_page(f"{shelf.url}/models")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator("#first:focus").count():
            break
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator(".verdict").wait_for()


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_and_anybody_can_use_it(
    shelf: Shelf,
    open_page: Open,
    check_page: Callable[[Any], None],
    width: int,
    theme: str,
) -> None:
    page = open_page(
        f"{shelf.url}/models?first={MODEL}&second={OTHER}", width=width, color_scheme=theme
    )
    check_page(page)
    page.goto(f"{shelf.url}/models/{MODEL}")
    check_page(page)

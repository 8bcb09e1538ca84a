"""The page Map: drawn in the background, kept, filtered, pointed at, played."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLE_GENRES, SAMPLE_PER_GENRE

from audiogenre.catalog import Catalog
from audiogenre.exploration import atlas
from audiogenre.review import Review, Suspect
from audiogenre.songs import plain
from audiogenre.store import write_part
from audiogenre.typing import Label, Track

from .conftest import Shelf

Open = Callable[..., Any]
N = len(SAMPLE_GENRES) * SAMPLE_PER_GENRE


@pytest.fixture(scope="module")
def drawn(shelf: Shelf) -> Shelf:
    """Return a server whose map is there, with one doubtful label."""
    atlas.make(shelf.data, lambda said: None)
    first = sorted(points(shelf.url), key=lambda each: each["track_id"])[0]
    label = first["label"]
    other = next(each for each in SAMPLE_GENRES if each != label)
    Review(shelf.data).keep([Suspect(first["track_id"], label, other, 0.9, 0.05)])
    return shelf


def points(url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{url}/api/map").json()["points"]
    return found


def hover(page: Any, number: int) -> None:
    """Move the mouse to a point."""
    page.locator(".plane circle").nth(number).scroll_into_view_if_needed()
    box = page.locator(".plane circle").nth(number).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def loaded(page: Any) -> Any:
    """Wait until the script has taken the page over."""
    page.locator(".atlas.live").wait_for()
    return page


def test_the_first_visit_draws_it_and_says_how_far_it_is(
    sample_data: Path, tmp_path: Path, serve_here: Callable[..., str], open_page: Open
) -> None:
    shutil.copytree(sample_data, tmp_path / "data")
    page = open_page(f"{serve_here(tmp_path)}/map")
    assert page.get_by_role("heading", name="The map is being drawn").is_visible()
    page.locator(".plane circle").first.wait_for(timeout=180_000)
    assert page.locator(".plane circle").count() == N
    (kept,) = (tmp_path / "data" / atlas.FOLDER).iterdir()
    assert kept.name == atlas.find_key(tmp_path / "data").name


def test_a_map_that_is_kept_is_there_at_once(drawn: Shelf) -> None:
    found = points(drawn.url)
    assert len(found) == N
    assert {each["label"] for each in found} == set(SAMPLE_GENRES)
    assert all(0 <= each["x"] <= 1 and 0 <= each["y"] <= 1 and each["audio"] for each in found)


def test_genres_are_toggles_with_counts_and_the_address_can_be_shared(
    drawn: Shelf, open_page: Open
) -> None:
    page = loaded(open_page(f"{drawn.url}/map"))
    toggle = page.get_by_role("checkbox", name=f"{SAMPLE_GENRES[0]} {SAMPLE_PER_GENRE}")
    toggle.check(force=True)
    assert page.locator(".matches").inner_text() == str(SAMPLE_PER_GENRE)
    assert page.locator(".plane circle:not(.off)").count() == SAMPLE_PER_GENRE
    page.goto(page.url)
    assert loaded(page).locator(".matches").inner_text() == str(SAMPLE_PER_GENRE)


def test_search_finds_by_title_and_artist_and_says_when_there_is_nothing(
    drawn: Shelf, open_page: Open
) -> None:
    page = loaded(open_page(f"{drawn.url}/map"))
    wanted = points(drawn.url)[7]
    page.get_by_label("Title or artist").fill(wanted["title"].upper())
    names = page.locator(".list bdi").all_inner_texts()
    assert wanted["title"] in names
    assert len(names) < 2 * N
    page.get_by_label("Title or artist").fill("nobody has called a song this")
    assert page.get_by_text("No track is called that.").is_visible()


def test_the_script_compares_as_the_server_does(drawn: Shelf, open_page: Open) -> None:
    texts = ["Björk", "bjork", "Rock'n'Roll", "rocknroll", "R.E.M. & 2.5", "AC/DC", "Straße", "!!!"]
    texts += ["ΟΔΟΣ", "हिन्दी", "İstanbul", "Beyonce\u0301", "ﬁn", "Ёлка", "  two\twords ", ""]
    page = loaded(open_page(f"{drawn.url}/map"))
    ask = "async (texts) => texts.map((await import('/static/plain.js')).plain)"
    assert page.evaluate(ask, texts) == [plain(each) for each in texts]


def test_pointing_shows_title_and_a_click_plays(drawn: Shelf, open_page: Open) -> None:
    page = loaded(open_page(f"{drawn.url}/map"))
    hover(page, 3)
    shown = page.locator(".point li")
    shown.wait_for()
    wanted = {each["title"]: each for each in points(drawn.url)}
    title = shown.locator("bdi").first.inner_text()
    assert wanted[title]["label"] in shown.inner_text()
    box = page.locator(".ring").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator('.point .play[aria-pressed="true"]').wait_for()


def test_the_list_does_the_same_by_keyboard(drawn: Shelf, open_page: Open) -> None:
    page = loaded(open_page(f"{drawn.url}/map"))
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.locator(".list a:focus").count():
            break
    assert page.locator(".ring").is_visible()
    page.keyboard.press("ArrowDown")
    assert page.locator(".list li").nth(1).locator("a:focus").count() == 1
    page.keyboard.press("Space")
    page.locator('.list .play[aria-pressed="true"]').wait_for()


def test_doubtful_labels_can_be_lit(drawn: Shelf, open_page: Open) -> None:
    page = loaded(open_page(f"{drawn.url}/map"))
    page.get_by_role("checkbox", name="doubtful labels 1").check(force=True)
    assert page.locator(".lit .plane circle.odd:not(.off)").count() == 1
    assert page.locator(".list li").count() == 1
    assert "?" in page.locator(".list .doubt").inner_text()


def test_it_filters_without_script(drawn: Shelf, open_page: Open) -> None:
    page = open_page(f"{drawn.url}/map", java_script_enabled=False)
    page.get_by_role("checkbox", name=SAMPLE_GENRES[1]).check(force=True)
    page.get_by_role("button", name="Show").click()
    assert page.locator(".list li").count() == SAMPLE_PER_GENRE
    assert page.locator(".plane circle:not(.off)").count() == SAMPLE_PER_GENRE


def test_more_than_five_thousand_are_drawn_on_a_canvas(
    tmp_path: Path, serve_here: Callable[..., str], open_page: Open
) -> None:
    n, data = 5_200, tmp_path / "data"
    rng = np.random.default_rng(0)
    with Catalog(data / "catalog.db") as catalog, catalog.transaction():
        for i in range(n):
            label = Label("genre", ("calm", "loud")[i % 2], "test")
            catalog.add(Track(f"t:{i}", "t", (label,), title=f"song {i}", artist="<b>x"), None)
    ids = [f"t:{i}" for i in range(n)]
    values = rng.normal(size=(n, 2)).astype(np.float32)
    folder = data / "features" / "own"
    write_part(folder, ids, [""] * n, ["a", "b"], values, {"name": "own"})
    key = atlas.find_key(data)
    (data / atlas.FOLDER).mkdir()
    places = pd.DataFrame(rng.uniform(size=(n, 2)), index=ids, columns=["x", "y"])
    places.to_parquet(data / atlas.FOLDER / key.name)
    page = loaded(open_page(f"{serve_here(tmp_path)}/map"))
    assert page.get_by_text("The first 60 of them").is_visible()
    canvas = page.locator(".plane canvas")
    assert canvas.evaluate(
        """(canvas) => canvas.getContext('2d')
            .getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0)"""
    )
    page.get_by_label("Title or artist").fill("song 5199")
    assert page.locator(".matches").inner_text() == "1"
    assert page.locator(".list li").inner_text().startswith("song 5199")


def test_without_tracks_or_features_it_says_what_to_do(
    tmp_path: Path, serve_here: Callable[..., str]
) -> None:
    url = serve_here(tmp_path)
    assert "There are no tracks yet" in httpx.get(f"{url}/map").text
    assert httpx.get(f"{url}/api/map").status_code == 422
    with Catalog(tmp_path / "data" / "catalog.db"):
        pass
    page = httpx.get(f"{url}/map").text
    assert "There is too little to lay out" in page and "audiogenre extract" in page


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_and_anybody_can_use_it(
    drawn: Shelf, open_page: Open, check_page: Callable[[Any], None], width: int, theme: str
) -> None:
    page = loaded(open_page(f"{drawn.url}/map", width=width, color_scheme=theme))
    page.locator(".list a").first.focus()
    check_page(page)

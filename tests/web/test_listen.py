"""The page Listen in a browser, as a person uses it: mouse, keyboard, phone, no script."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Open = Callable[..., Any]
DONE = "article.card:not(.waiting)"


def choose(page: Any, *files: Path) -> Any:
    """Choose files; return the cards once all are there."""
    page.set_input_files("#file", [str(each) for each in files])
    cards = page.locator(DONE)
    cards.nth(len(files) - 1).wait_for()
    return cards


def test_a_clip_becomes_a_card_with_its_evidence(url: str, open_page: Open, clips: Path) -> None:
    page = open_page(url)
    card = choose(page, clips / "waltz.mp3").first
    assert card.locator("h2").inner_text() == "waltz.mp3"
    assert card.locator(".answer").inner_text() == "lantern waltz"
    assert any(
        words in card.locator(".sure").inner_text()
        for words in ("almost certain", "likely", "leaning", "unsure")
    )
    assert card.locator(".bars li").count() == 4
    assert card.locator(".timeline tbody td").count() == 6 + 1
    assert card.locator(".why p").count() == 3
    assert card.locator(".near li").count() == 4
    assert "lantern waltz" in page.locator("#said").inner_text()


def test_the_player_moves_the_cursor_along(url: str, open_page: Open, clips: Path) -> None:
    page = open_page(url)
    card = choose(page, clips / "waltz.mp3").first
    audio = card.locator("audio")
    audio.wait_for(state="visible")
    audio.evaluate("(audio) => { audio.preload = 'auto'; audio.currentTime = 12; }")
    card.locator("td.now").wait_for()
    place = card.locator(".cursor").evaluate("(each) => parseFloat(each.style.left)")
    assert place == pytest.approx(40, abs=0.5)
    assert card.locator(".timeline tbody td").nth(2).get_attribute("class").endswith("now")


def test_an_unknown_clip_is_called_that(url: str, open_page: Open, clips: Path) -> None:
    card = choose(open_page(url), clips / "noise.flac").first
    assert card.locator(".answer").inner_text() == "unknown"
    sure = card.locator(".sure").inner_text()
    assert sure.startswith("Unlike anything this model has heard. The nearest it knows is ")


def test_a_bad_file_says_why_and_what_to_do(url: str, open_page: Open, clips: Path) -> None:
    card = choose(open_page(url), clips / "page.mp3").first
    assert "Not audio. The file is a web page or XML." in card.inner_text()
    assert "Choose the music file itself." in card.inner_text()


def test_several_files_are_a_queue(url: str, open_page: Open, clips: Path) -> None:
    page = open_page(url)
    cards = choose(page, *sorted(clips.iterdir()), clips / "waltz.mp3")
    assert cards.count() == 5
    answers = cards.locator(".answer").all_inner_texts()
    assert sorted(answers) == ["iron stomp", "lantern waltz", "lantern waltz", "unknown"]
    assert page.locator(".refused").count() == 1
    page.reload()
    assert page.locator(DONE).count() == 5


def test_a_track_of_the_library_is_found_and_listened_to(
    url: str, open_page: Open, clips: Path
) -> None:
    page = open_page(url)
    name = page.locator(".samples .chip bdi").first.inner_text()
    choose(page, clips / "waltz.mp3")
    page.get_by_label("Or find a track of your library").fill(name.upper())
    page.keyboard.press("Enter")
    page.locator("search .chip").first.click()
    page.locator(DONE).nth(1).wait_for()
    assert page.locator("article.card audio[src^='/audio/']").count() == 1
    assert name in page.locator(DONE).nth(1).inner_text()
    page.goto(f"{url}/?find=nobody")
    assert "No track with audio has “nobody”" in page.locator("search").inner_text()


def test_a_dropped_file_is_taken(url: str, open_page: Open, clips: Path) -> None:
    page = open_page(url)
    content = list((clips / "waltz.mp3").read_bytes())
    page.evaluate_handle(
        """(content) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(content)], 'dropped.mp3'));
            const options = { dataTransfer: data, bubbles: true, cancelable: true };
            document.body.dispatchEvent(new DragEvent('dragover', options));
            document.body.dispatchEvent(new DragEvent('drop', options));
        }""",
        content,
    )
    card = page.locator(DONE)
    card.wait_for()
    assert card.locator("h2").inner_text() == "dropped.mp3"


def test_what_was_said_can_be_kept(url: str, open_page: Open, clips: Path) -> None:
    page = open_page(url)
    card = choose(page, clips / "waltz.mp3").first
    with page.expect_download() as download:
        card.get_by_role("link", name="JSON").click()
    found = json.loads(Path(download.value.path()).read_text())
    assert found["label"] == "lantern waltz" and len(found["timeline"]) == 6


def test_by_keyboard_alone(url: str, open_page: Open) -> None:
    page = open_page(url)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "To the content"
    page.keyboard.press("Enter")
    tab_to(page, "chip")
    page.keyboard.press("Enter")
    card = page.locator(DONE)
    card.wait_for()
    tab_to(page, "play")
    page.keyboard.press("Space")
    playing = page.locator('.play[aria-pressed="true"]')
    playing.wait_for()
    page.keyboard.press("Space")
    playing.wait_for(state="detached")


def tab_to(page: Any, name: str) -> None:
    """Press Tab until something of a class is reached."""
    for _ in range(50):
        page.keyboard.press("Tab")
        if name in page.evaluate("() => document.activeElement.className").split():
            return
    raise AssertionError(f"nothing of the class {name!r} is reached by Tab")


def test_without_script_a_form_does_it(url: str, open_page: Open, clips: Path) -> None:
    page = open_page(url, java_script_enabled=False)
    page.set_input_files("#file", str(clips / "waltz.mp3"))
    page.get_by_role("button", name="Listen", exact=True).click()
    assert page.locator("article.card .answer").inner_text() == "lantern waltz"
    page.get_by_role("button", name="Dark", exact=True).click()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_theme_is_remembered(url: str, open_page: Open) -> None:
    page = open_page(url, color_scheme="light")
    before = page.locator("body").evaluate("(each) => getComputedStyle(each).backgroundColor")
    page.get_by_role("button", name="Dark", exact=True).click()
    page.reload()
    after = page.locator("body").evaluate("(each) => getComputedStyle(each).backgroundColor")
    assert before != after and page.get_by_role("button", name="Light", exact=True).is_visible()


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_and_anybody_can_use_it(
    url: str,
    open_page: Open,
    clips: Path,
    check_access: Callable[[Any], None],
    width: int,
    theme: str,
) -> None:
    page = open_page(url, width=width, color_scheme=theme, reduced_motion="reduce")
    choose(page, *sorted(clips.iterdir()))
    wide = page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= width
    small = page.locator("button:visible, a.play, summary:visible").evaluate_all(
        "(all) => all.filter((each) => each.getBoundingClientRect().height < 44).length"
    )
    assert small == 0
    check_access(page)


def test_a_server_that_is_gone_is_said_so(url: str, open_page: Open, clips: Path) -> None:
    page = open_page(url, expected="net::ERR_FAILED")
    page.context.route("**/api/jobs", lambda route: route.abort())
    card = choose(page, clips / "waltz.mp3").first
    assert "The server cannot be reached" in card.inner_text()


def test_own_script_is_small(url: str) -> None:
    from audiogenre.web.pages import STATIC

    assert sum(each.stat().st_size for each in STATIC.glob("*.js")) < 60_000

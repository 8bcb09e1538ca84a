"""The hooks of the site: markers are replaced, and nothing is fetched from elsewhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("mkdocs", reason="the site needs pip install 'audiogenre[docs]'")

from mkdocs.exceptions import PluginError

from docs.blocks import PAGES, read
from pipelines.docs import hooks

PAGE: Any = SimpleNamespace(file=SimpleNamespace(src_uri="page.md"))
NOTHING: Any = None


def markdown(text: str) -> str:
    return hooks.on_page_markdown(text, PAGE, NOTHING, NOTHING)


def test_a_marker_is_replaced_by_what_is_generated() -> None:
    found = markdown("Before.\n\n<!-- generated: refresh-settings -->\n\nAfter.\n")
    assert found.startswith("Before.\n\n| key | ") and found.endswith(" |\n\nAfter.\n")


def test_a_marker_of_nothing_stops_the_build() -> None:
    with pytest.raises(PluginError, match=r"page\.md: nothing is called 'settings'"):
        markdown("<!-- generated: settings -->")


def test_all_that_is_generated_has_its_place() -> None:
    pages = "\n".join(read(page) for page in PAGES)
    assert [name for name in hooks.GENERATED if f"<!-- generated: {name} -->" not in pages] == []


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://unpkg.com/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example.org/a.css">',
        "<img alt=a src=http://example.org/a.png>",
    ],
)
def test_a_page_that_fetches_from_elsewhere_stops_the_build(tag: str) -> None:
    with pytest.raises(PluginError, match=r"page\.md fetches from elsewhere"):
        hooks.on_post_page(f"<p>a</p>{tag}", PAGE, NOTHING)


def test_a_link_to_elsewhere_is_no_harm() -> None:
    page = '<a href="https://example.org">a</a><img src="figures/a.png"><script src="a.js">'
    assert hooks.on_post_page(page, PAGE, NOTHING) == page

"""MkDocs hooks: what is generated goes into the pages, and nothing is fetched from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from pipelines.docs import commands, measured, tables

ROOT = Path(__file__).resolve().parent.parent.parent
FIGURES = ROOT / "build" / "docs" / "figures"
GENERATED = {
    "commands": commands.reference,
    "failures": tables.failures,
    "feature-sets": tables.feature_sets,
    "refresh-settings": tables.refresh_settings,
    "source-options": tables.source_options,
    "benchmark": measured.benchmark,
    "reproduce": measured.reproduce,
}
_MARKER = re.compile(r"^<!-- generated: (.*) -->$", re.MULTILINE)
_ELSEWHERE = re.compile(r"""<(?:link|script|img|iframe)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//""")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what does not lie in ``docs``: the changelog, and the figures of the gallery."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "changelog.md", content=changelog))
    for path in sorted(FIGURES.glob("*.png")):
        name = f"figures/{path.name}"
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put what is generated in the place of its marker."""

    def generated(found: re.Match[str]) -> str:
        if found[1] not in GENERATED:
            raise PluginError(f"{page.file.src_uri}: nothing is called {found[1]!r}")
        return GENERATED[found[1]]()

    return _MARKER.sub(generated, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse a page that would make a browser fetch something from elsewhere."""
    found = _ELSEWHERE.search(output)
    if found:
        raise PluginError(f"{page.file.src_uri} fetches from elsewhere: {found[0]}")
    return output

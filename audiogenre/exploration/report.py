"""One HTML file with figures and tables inside: nothing to fetch, fit for sending."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd

_STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; color: #222; background: #fff; margin: 0 auto;
       max-width: 62rem; padding: 1.5rem; }
h1 { font-size: 1.8rem; margin-bottom: .2rem; }
h2 { font-size: 1.25rem; margin-top: 2.6rem; border-top: 1px solid #ddd; padding-top: 1.2rem; }
img { max-width: 100%; height: auto; display: block; margin: 1rem 0; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; width: max-content; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: left; }
td { max-width: 14rem; }
td:not(:first-child) { font-variant-numeric: tabular-nums; }
nav a { margin-right: 1rem; }
"""


@dataclass(frozen=True)
class Section:
    """One part of the report.

    Attributes
    ----------
    text : sequence of str
        Paragraphs.
    figures : sequence of Path
        PNG files.
    table : DataFrame, optional
        Shown as it is, texts escaped.
    """

    title: str
    text: Sequence[str]
    figures: Sequence[Path] = ()
    table: pd.DataFrame | None = None


def write_report(path: Path, title: str, opening: Sequence[str], parts: Sequence[Section]) -> Path:
    """Write sections as one self-contained HTML file.

    Parameters
    ----------
    path : Path
    title : str
    opening : sequence of str
        Paragraphs before the first section.
    parts : sequence of Section
    """
    links = "".join(f'<a href="#part{i}">{escape(x.title)}</a> ' for i, x in enumerate(parts))
    body = "\n".join(_section(i, each) for i, each in enumerate(parts))
    path.write_text(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{_paragraphs(opening)}\n<nav>{links}</nav>\n{body}\n"
        "</body>\n</html>\n",
        encoding="utf-8",
    )
    return path


def _section(number: int, part: Section) -> str:
    figures = "\n".join(_figure(each) for each in part.figures)
    table = ""
    if part.table is not None:
        shown = part.table.to_html(index=False, border=0, float_format="{:.2f}".format)
        name = escape(part.title, quote=True)  # in a box that scrolls, by keyboard too
        table = f'<div class="table" tabindex="0" role="region" aria-label="{name}">{shown}</div>'
    return (
        f'<section id="part{number}">\n<h2>{escape(part.title)}</h2>\n'
        f"{_paragraphs(part.text)}\n{figures}\n{table}\n</section>"
    )


def _paragraphs(texts: Sequence[str]) -> str:
    return "\n".join(f"<p>{escape(each)}</p>" for each in texts)


def _figure(path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    alt = escape(path.stem.replace("-", " "), quote=True)
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'

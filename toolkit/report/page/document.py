"""The shell of every page: head, style, links to the sections, footer; no network, no script, no font."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from toolkit.report import palette
from toolkit.report.page.markup import esc
from toolkit.report.svg import hatches

if TYPE_CHECKING:
    from collections.abc import Sequence

# A page with text from foreign hosts in it runs nothing and fetches nothing, even if an escape were missing somewhere.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def document(title: str, sections: Sequence[tuple[str, str]], body: str, version: str) -> str:
    """Return a whole page; `sections` are pairs of an anchor and its label, the first is where the numbers are."""
    contents = "".join(f'<a href="#{anchor}">{esc(label)}</a>' for anchor, label in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" href="data:,">\n<title>{esc(title)}</title>\n'
        f"<style>\n{_style()}</style>\n</head>\n<body>\n"
        f'<svg class="defs" aria-hidden="true">{hatches()}</svg>\n'
        f'<a class="skip" href="#numbers">Skip to the numbers</a>\n<nav aria-label="Sections">{contents}</nav>\n'
        f"<main>\n{body}\n</main>\n"
        f"<footer>hotswap {esc(version)}</footer>\n</body>\n</html>\n"
    )


def _style() -> str:
    sheet = resources.files("toolkit.report").joinpath("page.css").read_text(encoding="utf-8")
    return (
        f":root{{{palette.variables(dark=False)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{palette.variables(dark=True)}}}}}\n"
        f"{palette.classes()}\n{sheet}"
    )

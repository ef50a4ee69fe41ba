"""Markup that is safe by type: text becomes `Html` only through `esc` and what is built on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NewType

from toolkit.report.svg import items_svg, number, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.report.scene import Item, Scene

Html = NewType("Html", str)
"""A piece of a page in which every text has been escaped."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, what it means (shown on hover), and whether it holds numbers."""

    heading: str
    meaning: str = ""
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its heading, its cells, and the class that makes it stand out."""

    heading: Html
    cells: tuple[Html, ...]
    kind: str = ""


def esc(text: str) -> Html:
    """Return text as markup that shows exactly this text."""
    return Html(safe(text))


def name(text: str) -> Html:
    """Return the name of a model or strategy, kept from turning the direction of the text around it."""
    return Html(f"<bdi>{safe(text)}</bdi>")


def join(parts: Iterable[Html]) -> Html:
    """Put pieces one after the other."""
    return Html("".join(parts))


def paragraph(text: str, kind: str = "") -> Html:
    """Return a paragraph of plain text."""
    return Html(f"<p{_class(kind)}>{esc(text)}</p>")


def section(anchor: str, heading: str, *parts: Html) -> Html:
    """Return a section that can be linked to; `anchor` is ours, never a user's."""
    return Html(
        f'<section id="{anchor}" aria-labelledby="{anchor}-h">'
        f'<h2 id="{anchor}-h">{esc(heading)}</h2>{join(parts)}</section>'
    )


def table(caption: str, first: str, columns: Sequence[Column], rows: Sequence[Row]) -> Html:
    """Return a table in a box of its own that scrolls sideways where the page is narrow."""
    heads = join(
        Html(f'<th scope="col"{_class("n" if one.numeric else "")}{_hover(one.meaning)}>{esc(one.heading)}</th>')
        for one in columns
    )
    body = join(_row(row, columns) for row in rows)
    label = esc(caption)
    return Html(
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0"><table>'
        f"<caption><span>{label}</span></caption>"
        f'<thead><tr><th scope="col">{esc(first)}</th>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _row(row: Row, columns: Sequence[Column]) -> Html:
    cells = join(
        Html(f"<td{_class('n' if column.numeric else '')}>{cell}</td>")
        for column, cell in zip(columns, row.cells, strict=True)
    )
    return Html(f'<tr{_class(row.kind)}><th scope="row">{row.heading}</th>{cells}</tr>')


def beside(*parts: Html) -> Html:
    """Put parts side by side where the page is wide enough."""
    return Html(f'<div class="two">{join(parts)}</div>')


def details(summary: str, *parts: Html) -> Html:
    """Return something that is folded away until asked for."""
    return Html(f"<details><summary>{esc(summary)}</summary>{join(parts)}</details>")


def definitions(pairs: Iterable[tuple[str, Html]]) -> Html:
    """Return a list of terms and what they mean."""
    return Html(f"<dl>{''.join(f'<dt>{esc(term)}</dt><dd>{meaning}</dd>' for term, meaning in pairs)}</dl>")


def figure(scene: Scene | None, caption: str, *, missing: str) -> Html:
    """Return a figure with its legend and caption; or, in words, why there is none."""
    if scene is None:
        return paragraph(missing, "missing")
    picture = _wide(scene) if scene.gutter_width else Html(_svg(scene.items, (0, 0, scene.width, scene.height), scene))
    return Html(
        f"<figure>{picture}{_legend(scene)}"
        f"<figcaption><strong>{esc(scene.title)}.</strong> {esc(caption)}</figcaption></figure>"
    )


def _wide(scene: Scene) -> Html:
    """Return a picture whose labels stay in sight while the rest scrolls; both parts keep one scale."""
    rest = scene.width - scene.gutter_width
    labels = _svg(scene.gutter, (0, 0, scene.gutter_width, scene.height), None)
    plot = _svg(scene.items, (scene.gutter_width, 0, rest, scene.height), scene)
    return Html(
        f'<div class="scroll wide" role="region" aria-label="{esc(scene.title)}" tabindex="0"><div class="pair">'
        f'<div class="gutter" style="flex:{number(scene.gutter_width)} 0 0">{labels}</div>'
        f'<div style="flex:{number(rest)} 0 0">{plot}</div></div></div>'
    )


def _svg(items: Iterable[Item], box: tuple[float, float, float, float], scene: Scene | None) -> str:
    view = " ".join(number(value) for value in box)
    if scene is None:
        return f'<svg viewBox="{view}" aria-hidden="true">{items_svg(items)}</svg>'
    label = esc(f"{scene.title}. {scene.description}")
    return f'<svg viewBox="{view}" role="img" aria-label="{label}">{items_svg(items)}</svg>'


def _legend(scene: Scene) -> Html:
    if not scene.legend:
        return Html("")
    entries = "".join(
        f'<li><svg class="sign" viewBox="0 0 24 14" aria-hidden="true">{items_svg(one.sign)}</svg>{esc(one.label)}</li>'
        for one in scene.legend
    )
    return Html(f'<ul class="legend">{entries}</ul>')


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _hover(text: str) -> str:
    return f' title="{esc(text)}"' if text else ""

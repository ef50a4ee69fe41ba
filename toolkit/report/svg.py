"""Scenes as SVG: inside the page (colours from its style sheet), or as files that stand alone."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from toolkit.report import palette
from toolkit.report.scene import Boxes, Columns, Curve, Line, Marks, Rect, Runs, Text
from toolkit.report.wording import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.report.scene import Item, LegendEntry, Scene, Shape

SIGN_WIDTH, SIGN_HEIGHT = 24, 14
PADDING, TITLE_HEIGHT = 18, 46
"""What a picture that stands alone has around it, and above it for its title."""

_HATCH_STEP = 5
_LEGEND_ROW, _LEGEND_CHARACTER, _LEGEND_GAP = 22, 6.6, 44


def safe(text: str) -> str:
    """Return text fit for the inside of an element or a quoted attribute."""
    return escape(plain(text), quote=True)


def number(value: float) -> str:
    """Write a coordinate with one decimal, and none if it is zero."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def items_svg(items: Iterable[Item]) -> str:
    """Return the elements of a scene, without an `<svg>` around them."""
    return "".join(_item(item) for item in items)


def hatches() -> str:
    """Return the definitions that hatched shapes refer to; once in each document."""
    patterns = "".join(
        f'<pattern id="hatch-{ink.name}" width="{_HATCH_STEP}" height="{_HATCH_STEP}" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)">'
        f'<path class="s-{ink.name}" d="M0 0v{_HATCH_STEP}" stroke-width="3.4"/></pattern>'
        for ink in palette.MODELS + palette.PARTS + palette.SIGNALS
    )
    return f"<defs>{patterns}</defs>"


def standalone(scene: Scene) -> str:
    """Return a whole SVG file with its legend, light or dark as its viewer prefers."""
    placed, _ = legend_layout(scene.legend, scene.width)
    width, height = standalone_size(scene)
    legend = "".join(_legend_entry(x, y, entry) for x, y, entry in placed)
    style = (
        f"svg{{{palette.variables(dark=False)}background:var(--card);font-family:system-ui,sans-serif}}"
        f"@media(prefers-color-scheme:dark){{svg{{{palette.variables(dark=True)}}}}}{palette.classes()}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}" '
        f'width="{number(width)}" '
        f'height="{number(height)}" role="img"><title>{safe(scene.title)}</title><desc>{safe(scene.description)}</desc>'
        f"<style>{style}</style>{hatches()}{items_svg((standalone_title(scene),))}"
        f'<g transform="translate({PADDING} {TITLE_HEIGHT})">{items_svg(scene.gutter)}{items_svg(scene.items)}'
        f'<g transform="translate(0 {number(scene.height)})">{legend}</g></g></svg>\n'
    )


def standalone_size(scene: Scene) -> tuple[float, float]:
    """Return width and height of a picture that stands alone, with its title, its legend and some room around them."""
    _, legend_height = legend_layout(scene.legend, scene.width)
    return scene.width + 2 * PADDING, TITLE_HEIGHT + scene.height + legend_height + PADDING


def standalone_title(scene: Scene) -> Text:
    """Return the title of a picture that stands alone."""
    return Text(PADDING, 28, scene.title, 16, bold=True)


def legend_layout(
    entries: tuple[LegendEntry, ...], width: float
) -> tuple[tuple[tuple[float, float, LegendEntry], ...], float]:
    """Return where each legend entry goes in rows of `width`, and the height of all rows."""
    placed: list[tuple[float, float, LegendEntry]] = []
    x, y = 8.0, 8.0
    for entry in entries:
        needed = SIGN_WIDTH + len(entry.label) * _LEGEND_CHARACTER + _LEGEND_GAP
        if placed and x + needed > width:
            x, y = 8.0, y + _LEGEND_ROW
        placed.append((x, y, entry))
        x += needed
    return tuple(placed), (y + _LEGEND_ROW + 4 if placed else 0.0)


def _legend_entry(x: float, y: float, entry: LegendEntry) -> str:
    label = Text(SIGN_WIDTH + 6, 11, entry.label, 12, "muted")
    return f'<g transform="translate({number(x)} {number(y)})">{items_svg((*entry.sign, label))}</g>'


def _title(title: str | None) -> str:
    return "" if title is None else f"<title>{safe(title)}</title>"


def _opacity(value: float) -> str:
    return "" if value == 1.0 else f' opacity="{value:g}"'


def _item(item: Item) -> str:
    match item:
        case Rect():
            drawn = _rect(item)
        case Boxes():
            drawn = _boxes(item)
        case Runs():
            middle = number(item.y + item.height / 2)
            path = "".join(f"M{number(x)} {middle}h{number(width)}" for x, width in item.runs)
            drawn = _stroke(path, item.ink, item.height, item.opacity)
        case Columns():
            base = number(item.base_y)
            path = "".join(f"M{number(x)} {base}v{number(-height)}" for x, height in item.bars)
            drawn = _stroke(path, item.ink, item.width, item.opacity)
        case Marks():
            drawn = _marks(item)
        case Line():
            dash = ' stroke-dasharray="4 3"' if item.dashed else ""
            path = f"M{number(item.x1)} {number(item.y1)}L{number(item.x2)} {number(item.y2)}"
            drawn = f'<path class="s-{item.ink}" stroke-width="{number(item.width)}"{dash} d="{path}"/>'
        case Curve():
            drawn = _curve(item)
        case Text():
            drawn = _text(item)
    return drawn


def _curve(item: Curve) -> str:
    if not item.points:
        return ""
    (x, y), *rest = item.points
    dash = ' stroke-dasharray="5 3"' if item.dashed else ""
    path = f"M{number(x)} {number(y)}" + "".join(f"H{number(x)}V{number(y)}" for x, y in rest)
    return f'<path class="s-{item.ink}" stroke-width="{number(item.width)}"{dash} stroke-linejoin="round" d="{path}"/>'


def _stroke(path: str, ink: str, width: float, opacity: float) -> str:
    return f'<path class="s-{ink}" stroke-width="{number(width)}"{_opacity(opacity)} d="{path}"/>' if path else ""


def _rect(item: Rect) -> str:
    box = f'x="{number(item.x)}" y="{number(item.y)}" width="{number(item.width)}" height="{number(item.height)}"'
    if not item.hatched:
        return f'<rect class="f-{item.ink}" {box}{_opacity(item.opacity)}>{_title(item.title)}</rect>'
    return (
        f'<g{_opacity(item.opacity)}><rect class="f-{item.ink}" opacity=".18" {box}/>'
        f'<rect fill="url(#hatch-{item.ink})" {box}>{_title(item.title)}</rect></g>'
    )


def _boxes(item: Boxes) -> str:
    path = "".join(
        f"M{number(x)} {number(y)}h{number(width)}v{number(height)}h{number(-width)}z"
        for x, y, width, height in item.boxes
    )
    return f'<path class="f-{item.ink}" d="{path}"/>' if path else ""


def _marks(item: Marks) -> str:
    path = "".join(_shape(item.shape, x, y, item.size / 2) for x, y in item.points)
    if not path:
        return ""
    stroked = item.shape in {"ring", "cross"}
    style = f'class="s-{item.ink}" stroke-width="1.5"' if stroked else f'class="f-{item.ink}"'
    return f'<path {style} d="{path}"/>'


def _shape(shape: Shape, x: float, y: float, r: float) -> str:
    if shape in {"circle", "ring"}:
        diameter = number(2 * r)
        arc = f"a{number(r)} {number(r)} 0 1 "
        return f"M{number(x - r)} {number(y)}{arc}0 {diameter} 0{arc}0 -{diameter} 0z"
    if shape == "triangle":  # pointing down, to the lane that had to load
        return f"M{number(x - r)} {number(y - r)}h{number(2 * r)}l{number(-r)} {number(1.8 * r)}z"
    if shape == "diamond":
        return (
            f"M{number(x)} {number(y - r)}l{number(r)} {number(r)}l{number(-r)} {number(r)}l{number(-r)} {number(-r)}z"
        )
    side = number(2 * r)
    return f"M{number(x - r)} {number(y - r)}l{side} {side}m0 -{side}l-{side} {side}"


def _text(item: Text) -> str:
    anchor = "" if item.anchor == "start" else f' text-anchor="{item.anchor}"'
    weight = ' font-weight="600"' if item.bold else ""
    place = f'x="{number(item.x)}" y="{number(item.y)}" font-size="{number(item.size)}"'
    return f'<text class="f-{item.ink}" {place}{anchor}{weight}>{safe(item.text)}{_title(item.title)}</text>'

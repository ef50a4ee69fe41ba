"""Scenes as PNG, drawn with matplotlib's Agg canvas on light paper: for places that do not show SVG."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from toolkit.report import palette
from toolkit.report.scene import Boxes, Columns, Curve, Line, Marks, Rect, Runs, Text
from toolkit.report.svg import PADDING, SIGN_WIDTH, TITLE_HEIGHT, legend_layout, standalone_size, standalone_title
from toolkit.report.wording import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes

    from toolkit.report.scene import Item, Scene

    Box = tuple[float, float, float, float]
    Place = tuple[float, float, int]
    """How far a piece is moved right and down, and its place in the order of drawing."""

_UNITS_PER_INCH = 100
_DPI = 200
_POINTS_PER_UNIT = 72 / _UNITS_PER_INCH
_MARKERS = {"triangle": "v", "circle": "o", "ring": "o", "diamond": "D", "cross": "x"}


def png(scene: Scene) -> bytes:
    """Return the picture as PNG at two pixels a unit; same scene, same matplotlib: same bytes."""
    placed, _ = legend_layout(scene.legend, scene.width)
    width, height = standalone_size(scene)
    # The bundled font, so that a user's own settings change neither the layout nor the bytes.
    font = mpl.rc_context({"font.family": ["DejaVu Sans"], "text.usetex": False, "hatch.linewidth": 1.2})
    with font, warnings.catch_warnings():
        # A model may be named in a script that the font lacks; the SVG beside this file shows it.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*")
        figure = Figure(figsize=(width / _UNITS_PER_INCH, height / _UNITS_PER_INCH), dpi=_DPI)
        figure.patch.set_facecolor(palette.light("card"))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.axis("off")
        _draw(axes, (standalone_title(scene),), 0, 0)
        _draw(axes, scene.gutter + scene.items, PADDING, TITLE_HEIGHT)
        for x, y, entry in placed:
            _draw(
                axes,
                (*entry.sign, Text(SIGN_WIDTH + 6, 11, entry.label, 12, "muted")),
                PADDING + x,
                TITLE_HEIGHT + scene.height + y,
            )
        buffer = io.BytesIO()
        FigureCanvasAgg(figure)
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def _draw(axes: Axes, items: Iterable[Item], dx: float, dy: float) -> None:
    for order, item in enumerate(items, start=1):
        place = (dx, dy, order)
        match item:
            case Rect():
                _rect(axes, item, place)
            case Boxes():
                _boxes(axes, item.boxes, item.ink, 1.0, place)
            case Runs():
                runs = ((x, item.y, width, item.height) for x, width in item.runs)
                _boxes(axes, runs, item.ink, item.opacity, place)
            case Columns():
                half = item.width / 2
                bars = ((x - half, item.base_y - height, item.width, height) for x, height in item.bars)
                _boxes(axes, bars, item.ink, item.opacity, place)
            case Marks():
                _marks(axes, item, place)
            case Line():
                _line(axes, item, place)
            case Curve():
                _curve(axes, item, place)
            case Text():
                _text(axes, item, place)


def _rect(axes: Axes, item: Rect, place: Place) -> None:
    dx, dy, order = place
    colour = palette.light(item.ink)
    box = ((item.x + dx, item.y + dy), item.width, item.height)
    if not item.hatched:
        axes.add_artist(Rectangle(*box, facecolor=colour, alpha=item.opacity, linewidth=0, zorder=order))
        return
    axes.add_artist(Rectangle(*box, facecolor=colour, alpha=0.18 * item.opacity, linewidth=0, zorder=order))
    hatch = Rectangle(*box, fill=False, edgecolor=colour, hatch="//////", linewidth=0, zorder=order)
    axes.add_artist(hatch)


def _boxes(axes: Axes, boxes: Iterable[Box], ink: str, opacity: float, place: Place) -> None:
    """Draw many rectangles as one collection, which is far quicker than one by one."""
    dx, dy, order = place
    corners = [
        [(x + dx, y + dy), (x + dx + width, y + dy), (x + dx + width, y + dy + height), (x + dx, y + dy + height)]
        for x, y, width, height in boxes
    ]
    drawn = PolyCollection(corners, facecolors=palette.light(ink), alpha=opacity, linewidths=0, zorder=order)
    axes.add_collection(drawn, autolim=False)


def _marks(axes: Axes, item: Marks, place: Place) -> None:
    dx, dy, order = place
    colour = palette.light(item.ink)
    points = (item.size * _POINTS_PER_UNIT) ** 2
    xs, ys = [x + dx for x, _ in item.points], [y + dy for _, y in item.points]
    marker = _MARKERS[item.shape]
    if item.shape == "ring":
        axes.scatter(xs, ys, s=points, marker=marker, facecolors="none", edgecolors=colour, linewidths=1, zorder=order)
    elif item.shape == "cross":
        axes.scatter(xs, ys, s=points, marker=marker, c=colour, linewidths=1, zorder=order)
    else:
        axes.scatter(xs, ys, s=points, marker=marker, c=colour, linewidths=0, zorder=order)


def _line(axes: Axes, item: Line, place: Place) -> None:
    dx, dy, order = place
    segment = [(item.x1 + dx, item.y1 + dy), (item.x2 + dx, item.y2 + dy)]
    axes.add_collection(
        LineCollection(
            [segment],
            colors=palette.light(item.ink),
            linewidths=item.width * _POINTS_PER_UNIT,
            linestyles=(0, (4, 3)) if item.dashed else "solid",
            zorder=order,
        ),
        autolim=False,
    )


def _curve(axes: Axes, item: Curve, place: Place) -> None:
    dx, dy, order = place
    steps = [(x + dx, y + dy) for x, y in item.points[:1]]
    for x, y in item.points[1:]:
        steps += [(x + dx, steps[-1][1]), (x + dx, y + dy)]
    axes.add_collection(
        LineCollection(
            [steps],
            colors=palette.light(item.ink),
            linewidths=item.width * _POINTS_PER_UNIT,
            linestyles=(0, (5, 3)) if item.dashed else "solid",
            zorder=order,
        ),
        autolim=False,
    )


def _text(axes: Axes, item: Text, place: Place) -> None:
    dx, dy, order = place
    axes.text(
        item.x + dx,
        item.y + dy,
        plain(item.text),
        # The bundled font runs wider than the fonts of a browser, for which the charts are laid out.
        fontsize=item.size * _POINTS_PER_UNIT * 0.92,
        color=palette.light(item.ink),
        ha={"start": "left", "middle": "center", "end": "right"}[item.anchor],
        va="baseline",
        fontweight="bold" if item.bold else "normal",
        parse_math=False,
        zorder=order,
    )

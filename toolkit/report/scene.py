"""A picture as plain values: what the charts produce, and what the SVG and PNG writers draw.

Coordinates are pixels of a canvas with its origin at the top left. Colours are names of inks (see `palette`), so that
the same picture follows a light or a dark page. Many small equal shapes are one item, which keeps a page of a hundred
thousand requests small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["triangle", "circle", "ring", "diamond", "cross"]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Rect:
    """A filled rectangle; `hatched` strokes it diagonally over a faint fill. `title` is shown on hover."""

    x: float
    y: float
    width: float
    height: float
    ink: str
    opacity: float = 1.0
    hatched: bool = False
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Runs:
    """Many rectangles (`x`, `width`) in one row at `y` of one `height`."""

    runs: tuple[tuple[float, float], ...]
    y: float
    height: float
    ink: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Boxes:
    """Many rectangles (`x`, `y`, `width`, `height`) of one ink."""

    boxes: tuple[tuple[float, float, float, float], ...]
    ink: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Many thin bars (`x`, `height`) of one `width` that stand on `base_y`; a tick is a bar."""

    bars: tuple[tuple[float, float], ...]
    base_y: float
    width: float
    ink: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Marks:
    """Many equal symbols centred on `points`; `size` is the width."""

    points: tuple[tuple[float, float], ...]
    shape: Shape
    size: float
    ink: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line from (`x1`, `y1`) to (`x2`, `y2`)."""

    x1: float
    y1: float
    x2: float
    y2: float
    ink: str
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through `points` that goes sideways first and then up or down: the steps of a distribution."""

    points: tuple[tuple[float, float], ...]
    ink: str
    width: float = 1.6
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text with its baseline at `y`, `size` in pixels; `title`, shown on hover, has what was shortened."""

    x: float
    y: float
    text: str
    size: float = 12.0
    ink: str = "ink"
    anchor: Anchor = "start"
    bold: bool = False
    title: str | None = None


Item = Rect | Boxes | Runs | Columns | Marks | Line | Curve | Text


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """A sign, drawn on a canvas of 24 × 14, and what it means."""

    sign: tuple[Item, ...]
    label: str


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture: `title` names it, `description` says in words what it shows, for those who do not see it.

    `gutter` holds the items left of `gutter_width` (labels), which a narrow page keeps in sight while the rest scrolls.
    """

    width: float
    height: float
    title: str
    description: str
    items: tuple[Item, ...]
    legend: tuple[LegendEntry, ...] = ()
    gutter: tuple[Item, ...] = ()
    gutter_width: float = 0.0

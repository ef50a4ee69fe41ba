"""All figures of a comparison under their names, and as files to put beside the page, in one format or more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.report import bars, ecdf, latency
from toolkit.report.closeup import closeup
from toolkit.report.fitting import what_fits
from toolkit.report.overview import overview
from toolkit.report.svg import standalone

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.replay.results import Comparison
    from toolkit.report.scene import Scene

    Format = Callable[[dict[str, Scene]], tuple["FigureFile", ...]]
    """Makes files of figures."""

MAKERS = (
    ("timeline", overview),
    ("close-up", closeup),
    ("ttft-cold", latency.ttft_cold),
    ("ttft-warm", latency.ttft_warm),
    ("ecdf-cold", ecdf.ttft_cold),
    ("ecdf-warm", ecdf.ttft_warm),
    ("swap-time", bars.swap_parts),
    ("hit-rates", bars.hit_rates),
    ("requests-by-model", bars.requests_by_model),
    ("loads-by-model", bars.loads_by_model),
    ("what-fits", what_fits),
)
"""Every figure by the name of its file, in the order of the page; None from a maker: there is nothing to show."""


@dataclass(frozen=True, slots=True)
class FigureFile:
    """One file: its name with the ending, and its bytes."""

    name: str
    content: bytes


def names_of_files(suffix: str) -> tuple[str, ...]:
    """Return the name of every figure's file in a format."""
    return tuple(f"{name}{suffix}" for name, _ in MAKERS)


def scenes(comparison: Comparison) -> dict[str, Scene]:
    """Return the figures that this comparison has, by name."""
    made = ((name, maker(comparison)) for name, maker in MAKERS)
    return {name: scene for name, scene in made if scene is not None}


def svg_files(figures: dict[str, Scene]) -> tuple[FigureFile, ...]:
    """Return each figure as an SVG file that stands alone."""
    return tuple(FigureFile(f"{name}.svg", standalone(scene).encode()) for name, scene in figures.items())


def png_files(figures: dict[str, Scene]) -> tuple[FigureFile, ...]:
    """Return each figure as a PNG file on light paper. Imports matplotlib, which takes a moment."""
    from toolkit.report.png import png  # noqa: PLC0415 - only this needs matplotlib

    return tuple(FigureFile(f"{name}.png", png(scene)) for name, scene in figures.items())

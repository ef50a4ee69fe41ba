"""Writes a report into a folder: the page, the numbers, the summary and the figures.

Everything is rendered before anything is written, and every file appears under its name only when it is whole, so a
report that is read while it is written is the old one or the new one, file by file, and never half of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - a public annotation
from typing import TYPE_CHECKING

from toolkit.errors import HotswapError
from toolkit.replacing import replace_with
from toolkit.report import figures
from toolkit.report.html import render_html
from toolkit.report.markdown import render_markdown
from toolkit.report.results_json import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.replay.results import Comparison
    from toolkit.report.figures import Format

_SUFFIXES = (".svg", ".png")


class ReportError(HotswapError):
    """A report could not be written where it was asked for."""


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where the parts of a report are."""

    index: Path
    results: Path
    summary: Path
    figures: tuple[Path, ...]


def write_report(
    comparison: Comparison, out_dir: Path, formats: Sequence[Format] = (figures.svg_files,)
) -> ReportFiles:
    """Write `index.html`, `results.json`, `summary.md` and `figures/` into `out_dir`, which is made if need be.

    Files of an earlier report are replaced, and its figures that this one lacks are removed; others are left alone.
    Raises ReportError if the folder cannot be written to.
    """
    try:
        # First of all: a folder that cannot be had is said before the figures are drawn.
        (out_dir / "figures").mkdir(parents=True, exist_ok=True)
        contents = _render(comparison, out_dir, formats)
        for stale in _possible_figures(out_dir).difference(contents):
            stale.unlink(missing_ok=True)
        for path, content in contents.items():
            replace_with(path, content)
    except OSError as error:
        where = error.filename2 or error.filename or out_dir
        raise ReportError(
            f"the report could not be written to {out_dir}: {error.strerror or error} ({where}); "
            "give another folder with --out, or make room or rights there"
        ) from error
    pictures = tuple(path for path in contents if path.parent != out_dir)
    return ReportFiles(out_dir / "index.html", out_dir / "results.json", out_dir / "summary.md", pictures)


def _possible_figures(out_dir: Path) -> set[Path]:
    """Where a report may have left a figure."""
    return {out_dir / "figures" / name for suffix in _SUFFIXES for name in figures.names_of_files(suffix)}


def _render(comparison: Comparison, out_dir: Path, formats: Sequence[Format]) -> dict[Path, bytes]:
    """Return every file with its content, in the order of writing: the page last, so that the rest is beside it."""
    drawn = figures.scenes(comparison)
    pictures = [file for made in formats for file in made(drawn)]
    return {
        **{out_dir / "figures" / picture.name: picture.content for picture in pictures},
        out_dir / "results.json": to_json(comparison).encode(),
        out_dir / "summary.md": render_markdown(comparison).encode(),
        out_dir / "index.html": render_html(comparison, drawn).encode(),
    }

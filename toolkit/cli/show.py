"""Shows a comparison: the table or JSON on stdout, the report in a directory."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.report.results_json import to_jsonable
from toolkit.report.write import write_report

if TYPE_CHECKING:
    from toolkit.replay.results import Comparison

REPORTS = Path("reports")


def show_comparison(comparison: Comparison, out: Path | None, *, as_json: bool, quiet: bool, no_color: bool) -> None:
    """Write the report, print the table (or the JSON), and say where the page is."""
    directory = out or REPORTS / _slug(comparison)
    files = write_report(comparison, directory)
    if as_json:
        click.echo(json.dumps(to_jsonable(comparison), indent=2, ensure_ascii=False))
    else:
        _print_table(comparison, no_color=no_color)
        click.echo(f"\nreport: {files.index}")
    if as_json and not quiet:
        click.echo(f"report: {files.index}", err=True)


def _print_table(comparison: Comparison, *, no_color: bool) -> None:
    from rich.console import Console  # noqa: PLC0415 - not needed for JSON

    from toolkit.report.terminal import print_comparison  # noqa: PLC0415

    print_comparison(comparison, Console(file=sys.stdout, no_color=no_color or None, highlight=False))


def _slug(comparison: Comparison) -> str:
    """A directory name: the title, and on a real host when it began, so that no measurement is overwritten."""
    name = re.sub(r"[^a-z0-9]+", "-", comparison.title.lower()).strip("-") or "run"
    started = comparison.provenance.started_at
    return f"{name}-{re.sub(r'[^0-9T]', '', started)}" if started else name

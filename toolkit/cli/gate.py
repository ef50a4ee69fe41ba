"""`hotswap gate`: is the new measurement worse than the base?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.cli.options import check_overrides, global_options_without_host

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("gate")
@click.argument("sides", nargs=-1, metavar="BASE NEW")
@click.option("--metric", "-m", "metrics", multiple=True, metavar="NAME", help="Only these (ttft_* is allowed).")
@click.option("--baseline", metavar="REF", help="The base: a tag, an id, a file; then only NEW stands as argument.")
@click.option("--effect", type=click.FloatRange(0, 1), default=0.02, show_default=True, help="Smaller does not matter.")
@click.option("--allow", multiple=True, metavar="KEY", help="Compare although this differs (host, models, …).")
@click.option("--slo", "slos", multiple=True, metavar="ttft=2s", help="Also judge goodput under these limits.")
@click.option("--plan", is_flag=True, help="One side only: how many samples would be needed?")
@click.option(
    "--change", type=click.FloatRange(0, 10, min_open=True), default=0.05, show_default=True, help="To plan for."
)
@click.option(
    "--rerun", metavar="CMD", help="Measure more until decided; {out} in CMD is where to write, {side} which."
)
@click.option("--budget", default="10m", show_default=True, metavar="TIME", help="When --rerun gives up.")
@click.option("--junit", type=FILE, metavar="FILE", help="Write JUnit XML.")
@click.option("--summary", type=FILE, metavar="FILE", help="Append Markdown; $GITHUB_STEP_SUMMARY by default.")
@click.option("--benchstat", type=FILE, metavar="FILE", help="Write samples for `benchstat -col side FILE`.")
@click.option("--history", is_flag=True, help="Find the run where a metric changed; arguments are runs in order.")
@global_options_without_host
def gate(sides: tuple[str, ...], **given: Any) -> int:
    """Say whether a measurement is worse than another one.

    A side is a run (file, id or tag of the store, directory of repeats), pytest-benchmark's JSON, or Go benchmark text.
    Exit codes: 0 pass, 1 regression, 2 not comparable, 3 inconclusive.

    \b
    hotswap gate reports/base reports/new --metric ttft_warm
    hotswap gate reports/new --baseline v1.2 --junit gate.xml
    hotswap gate reports/base --plan
    hotswap gate --history reports/nightly
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.gate_session import Asked, run_gate, run_history, run_plan  # noqa: PLC0415 - keeps `--help` cheap

    check_overrides(given["config"])
    asked = Asked.of(sides, given)
    if asked.history:
        return run_history(asked)
    return run_plan(asked) if asked.plan else run_gate(asked)

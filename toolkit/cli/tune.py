"""`hotswap tune`: the best parameters, found on one part of the requests and judged on another."""

from __future__ import annotations

from typing import Any

import click

from toolkit.cli.options import global_options
from toolkit.cli.traffic import load_time_ns, part_of, stream_and_room, traffic_options

POLICIES = "lru,lrfu(decay=0.005..1 x6),lfu(half-life=5..500 x5)"
DISCIPLINES = "fcfs,shadow(bound=1m..20m x4)"


@click.command("tune")
@traffic_options
@click.option("--policies", default=POLICIES, show_default=True, metavar="A,B(key=1|2)", help="Which, with sweeps.")
@click.option("--disciplines", default=DISCIPLINES, show_default=True, metavar="A,B(key=1|2)", help="The queues.")
@click.option(
    "--goal", type=click.Choice(["wait", "p95", "swaps", "late"]), default="wait", show_default=True,
    help="What is to be least: mean wait, its 95th percentile, swaps, the longest delay against first come.",
)  # fmt: skip
@click.option("--tune-on", default="0..0.6", show_default=True, metavar="A..B", help="Part of the requests to try on.")
@click.option("--report-on", default="0.6..1", show_default=True, metavar="A..B", help="Part to judge the winner on.")
@click.option("--most", type=click.IntRange(1), default=200, show_default=True, help="Combinations tried at most.")
@global_options
def tune(**given: Any) -> None:
    """Find the parameters that suit some traffic, judged on other traffic.

    Tries every combination on the first part of the requests, takes the best, and plays that one alone on the rest,
    from an empty host. A figure from requests that were tuned on says how well something was fitted, not how good it
    is: the two parts may not overlap. If there are more combinations than --most, some are drawn by --seed.

    What it finds is written into a strategy as it stands: `keepalive(policy=lrfu(decay=0.05))+shadow(bound=10m)`.

    \b
    hotswap tune scenarios/bursty-team.yaml
    hotswap tune --trace FILE --unit --capacity 4 --load-time 22s --service-scale 0.3
    hotswap tune --trace FILE --unit --capacity 4 --load-time 22s --policies "lrfu(decay=0.01..0.3 x9)" --goal p95
    """  # noqa: D301 - click reads the mark
    from toolkit.experiment.queue_lab import traffic_of  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.experiment.tune import Search, tuned  # noqa: PLC0415
    from toolkit.report.tune import as_json, text_of  # noqa: PLC0415

    parts = part_of(given["tune_on"], "--tune-on"), part_of(given["report_on"], "--report-on")
    search = Search(
        given["policies"], given["disciplines"], given["goal"], *parts, most=given["most"], seed=given["seed"] or 1
    )
    stream, room = stream_and_room(given)
    found = tuned(traffic_of(stream, room, load_time_ns(given["load_time"])), search)
    click.echo(as_json(found) if given["as_json"] else text_of(found))

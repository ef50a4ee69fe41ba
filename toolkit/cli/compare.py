"""`hotswap compare`: the same requests under several strategies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.cli.load_options import load_options
from toolkit.cli.options import global_options, keeping_options, workload_options


@click.command("compare")
@workload_options
@load_options
@global_options
@keeping_options
@click.option("--strategies", metavar="A,B", help="Which ones, with parameters: lrfu(decay=0.1).")
@click.option("--disciplines", metavar="A,B", help="Each strategy behind each queue: none,shadow(bound=10m).")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Where the report goes.")
@click.option("--png", is_flag=True, help="Draw the figures as PNG files, too: for slides. Takes some seconds.")
def compare(strategies: str | None, disciplines: str | None, out: Path | None, *, png: bool, **given: Any) -> None:
    """Compare cache strategies on a scenario or a trace.

    Plays every request of SCENARIO (or of --trace FILE) under each strategy: on the simulated host, in virtual time, or
    on a real one with --host. Prints a table, and writes a page, a summary and results.json to DIR. The runs go to the
    store, where `hotswap runs` finds them. docs/strategies.md says how strategies, queues and sweeps are written down.

    \b
    hotswap compare scenarios/working-day.yaml
    hotswap compare scenarios/swap-storm.yaml --strategies ram,lru-unload --num-ctx 8192
    hotswap compare scenarios/working-day.yaml --strategies "lru,gdsf(cost=load),unload(policy=lrfu(decay=0.1))"
    hotswap compare scenarios/bursty-team.yaml --strategies "server-default,lru" --disciplines "none,shadow(bound=10m)"
    hotswap compare scenarios/bursty-team.yaml --strategies "lrfu(decay=0.01..0.3 x5)" --repeat 10
    hotswap compare --trace FILE --format alibaba-genai --slots 4
    hotswap compare --trace reports/gateway.jsonl --since 7d --strategies ram,lru
    hotswap compare scenarios/coding-afternoon.yaml --host config --speed 4
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.session import Session  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.experiment.names import QUEUED, strategy_names, with_queues  # noqa: PLC0415

    names = strategy_names(strategies)
    if strategies is None and disciplines is None and given["host"] is None:
        names += (QUEUED,)
    with Session.open(given, with_queues(names, disciplines), out) as session:
        session.show_comparison(session.play(), with_png=png)

"""Puts the table "which strategy should I use?" into docs/strategies.md, between its two `table` marks.

    python docs/renew_strategies.py

Every bundled scenario at two contexts, 8 repetitions of each strategy on the simulated host, about three minutes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from toolkit.config.models import Config
from toolkit.experiment.order import Order
from toolkit.experiment.prepare import prepare
from toolkit.experiment.simulate import simulate
from toolkit.replay.summary import summarise
from toolkit.report.wording import duration
from toolkit.stats.paired import Pairs, compare_pairs
from toolkit.stats.quantiles import quantile

PROJECT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = PROJECT / "docs" / "strategies.md"
STRATEGIES: Final = (
    "server-default",
    "ram",
    "lru-unload",
    "lru",
    "histogram",
    "lru+shadow(bound=2m)",
    "lru+least-wait(patience=2m)",
)
SITUATIONS: Final = ((32768, 1.0), (8192, 1.0))
CROWDED: Final = "bursty-team", (32768, 2.0)
"""Beyond what the host can do at once: the same team twice as fast."""
REPEAT: Final = 8
FLOOR: Final = 0.02


def row(scenario: Path, num_ctx: int, speed: float) -> str:
    """One situation: the mean wait under each strategy, marked where it is surely better or worse than the first."""
    order = Order(
        scenario=scenario, trace=None, trace_format=None, seed=None, repeat=REPEAT, num_ctx=num_ctx, slots=None,
        mix=None, speed=speed, service_scale=1.0, limit=None,
    )  # fmt: skip
    setup, plans = prepare(Config(), order)
    waits: dict[str, list[float]] = {name: [] for name in STRATEGIES}
    for run in simulate(setup, plans, STRATEGIES):
        wait = summarise([run], ()).wait
        assert wait is not None  # noqa: S101 - the bundled scenarios are answered
        waits[run.strategy].append(wait.mean_s)
    base = tuple(waits[STRATEGIES[0]])
    floor = FLOOR * quantile(sorted(base), 0.5)
    others = STRATEGIES[1:]
    found = compare_pairs([Pairs(base, tuple(waits[name]), "lower", floor) for name in others])
    marks = {STRATEGIES[0]: "", **{name: one.verdict for name, one in zip(others, found, strict=True)}}
    together = max((len(models) for models in setup.facts.together), default=1)
    cells = [_cell(waits[name], marks[name]) for name in STRATEGIES]
    pace = "" if speed == 1 else f", {speed:g} times as fast"
    return f"| {scenario.stem}{pace} | {num_ctx:,} | {together} | {' | '.join(cells)} |"


def table() -> str:
    """All situations."""
    heads = " | ".join(f"`{name}`" for name in STRATEGIES)
    lines = [f"| scenario | context | fit together | {heads} |", "|---|--:|--:|" + "--:|" * len(STRATEGIES)]
    scenarios = sorted((PROJECT / "scenarios").glob("*.yaml"))
    for scenario in scenarios:
        crowded = [CROWDED[1]] if scenario.stem == CROWDED[0] else []
        lines += [row(scenario, num_ctx, speed) for num_ctx, speed in (*SITUATIONS, *crowded)]
    return "\n".join(lines)


def renewed(page: str, made: str) -> str:
    """The page with this table."""
    block = f"<!-- table -->\n{made}\n<!-- /table -->"
    return re.sub(r"<!-- table -->.*?<!-- /table -->", lambda _: block, page, flags=re.DOTALL)


def _cell(waits_s: list[float], verdict: str) -> str:
    told = duration(quantile(sorted(waits_s), 0.5))
    return {"better": f"**{told}**", "worse": f"_{told}_"}.get(verdict, told)


if __name__ == "__main__":
    made = table()  # before the page is read: it takes minutes
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")

"""What came of it, as the page shows it: `results.json` of the comparison cut down to a table. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def answer_from(results: Mapping[str, Any], in_use: str, queue: str, caveats: Sequence[str]) -> dict[str, Any]:
    """A sentence, a row for each strategy, the ceiling, and what a reader must know. Times are seconds.

    `results` is what `compare --json` prints (docs/results-schema.md). Its strategies have `queue` behind them, which
    is the same for all and is left out here.

    Raises:
        KeyError, TypeError: it is something else.
    """
    best = set(results["leaders"])
    optimum = results["optimum"]
    return {
        "verdict": results["verdict"].replace(f"+{queue}", ""),
        "complete": results["complete"],
        "rows": [
            _row(name.removesuffix(f"+{queue}"), one, in_use, is_best=name in best)
            for name, one in results["strategies"].items()
        ],
        "optimum_hit_rate": None if optimum is None else optimum["hit_rate"],
        "notes": [*caveats, *results["notes"]],
    }


def _row(strategy: str, one: Mapping[str, Any], in_use: str, *, is_best: bool) -> dict[str, Any]:
    wait = one["wait_s"] or {"mean": None, "p95": None}
    return {
        "strategy": strategy,
        "in_use": strategy == in_use,
        "best": is_best,
        "requests": one["requests"],
        "answered": one["answered"],
        "hit_rate": one["hit_rate"],
        "swaps": one["swaps"],
        "wait_mean_s": wait["mean"],
        "wait_p95_s": wait["p95"],
    }

"""All metrics, and how people choose among them."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.metrics import latency, memory, yields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.metrics.metric import Metric

DEFAULT: tuple[Metric, ...] = (latency.TTFT_COLD, latency.TTFT_WARM, latency.TPOT, yields.ANSWERED)
"""What a gate looks at if nobody says otherwise: few, because each further question costs every other one power."""

METRICS: tuple[Metric, ...] = (
    *DEFAULT,
    latency.TTFT_COLD_SENT,
    latency.TTFT_WARM_SENT,
    latency.E2E,
    latency.ITL,
    latency.WAIT,
    latency.QUEUE,
    latency.EVICT,
    latency.LOAD,
    latency.SLOT,
    yields.TOKENS_SERVER,
    yields.TOKENS_CLIENT,
    yields.HIT_RATE,
    yields.THROUGHPUT,
    yields.REQUEST_RATE,
    yields.SWAPS,
    memory.VRAM,
)


def chosen(names: Sequence[str], extra: Sequence[Metric] = ()) -> tuple[Metric, ...]:
    """Return the metrics of these names (patterns such as `ttft_*` are allowed), in the catalogue's order.

    Without names, the default ones. `extra` metrics are always chosen.

    Raises:
        UsageError: a name that no metric has.
    """
    for name in names:
        if not any(fnmatchcase(metric.name, name) for metric in (*METRICS, *extra)):
            known = [metric.name for metric in METRICS]
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise UsageError(f"--metric {name}: no such metric; {hint}")
    picked = DEFAULT if not names else tuple(
        metric for metric in METRICS if any(fnmatchcase(metric.name, name) for name in names)
    )  # fmt: skip
    return (*picked, *extra)

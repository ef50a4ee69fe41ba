"""What `/api/llm/stats` says: counts since the start and over the last minute, five minutes and hour. Pure.

Times are seconds in the answer, nanoseconds within. A figure for which there is nothing to go by is None, never 0.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from toolkit.stats.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NS_PER_S: Final = 1_000_000_000
WINDOWS: Final = (("1m", 60), ("5m", 300), ("1h", 3600))
_MOST_KEPT: Final = 200_000
_MOST_SWAPS: Final = 10_000
"""The p95 since the start is that of so many latest swaps."""


@dataclass(frozen=True, slots=True)
class Served:
    """One request that is over. `outcome` is ok, left (the client went away), or the reason of the failure.

    `cached`: whether the server had the beginning of the prompt in its prefix cache; None where that cannot be told.
    """

    at_ns: int
    kind: str
    model: str
    host: str | None
    reason: str
    outcome: str
    found: str | None
    load_ns: int | None
    waited_ns: int | None
    prompt_tokens: int
    answer_tokens: int
    cached: bool | None = None

    @property
    def is_swap(self) -> bool:
        """Whether a model was loaded for it."""
        return self.found in {"cold", "reload"} and self.load_ns is not None


class Totals:
    """Sums over requests."""

    def __init__(self, requests: Iterable[Served] = ()) -> None:
        self.counts: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.routing: Counter[str] = Counter()
        self.models: dict[str, Counter[str]] = {}
        self.swap_ns: deque[int] = deque(maxlen=_MOST_SWAPS)
        self.wait_ns: deque[int] = deque(maxlen=_MOST_SWAPS)
        for request in requests:
            self.add(request)

    def add(self, request: Served) -> None:
        """One more."""
        counts = self.counts
        counts["requests"] += 1
        if request.outcome == "ok":
            counts["found"] += request.found is not None
            counts["hits"] += request.found == "hit"
        elif request.outcome == "left":
            counts["left"] += 1
        else:
            self.outcomes[request.outcome] += 1
        counts["judged"] += request.cached is not None
        counts["cached"] += request.cached is True
        if request.is_swap:
            counts["swaps"] += 1
            counts["swap_ns"] += request.load_ns or 0
            self.swap_ns.append(request.load_ns or 0)
        if request.waited_ns is not None:
            self.wait_ns.append(request.waited_ns)
        self.routing[request.reason] += 1
        used = self.models.setdefault(request.model, Counter())
        used["requests"] += 1
        used["prompt_tokens"] += request.prompt_tokens
        used["answer_tokens"] += request.answer_tokens

    def as_json(self) -> dict[str, Any]:
        """As the interface has it."""
        counts = self.counts
        return {
            "requests": counts["requests"],
            "hits": counts["hits"],
            "hit_rate": counts["hits"] / counts["found"] if counts["found"] else None,
            "swaps": counts["swaps"],
            "swap_s": {
                "mean": counts["swap_ns"] / counts["swaps"] / NS_PER_S if counts["swaps"] else None,
                "p95": _quantile_s(self.swap_ns, 0.95),
            },
            "prefix_cache": {
                "judged": counts["judged"],
                "cached": counts["cached"],
                "rate": counts["cached"] / counts["judged"] if counts["judged"] else None,
            },
            "waited_s": {"p50": _quantile_s(self.wait_ns, 0.5), "p95": _quantile_s(self.wait_ns, 0.95)},
            "models": dict(self._models()),
            "routing": dict(self.routing.most_common()),
            "errors": dict(self.outcomes.most_common()),
            "left": counts["left"],
        }

    def _models(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for model, used in sorted(self.models.items()):
            share = used["requests"] / self.counts["requests"]
            yield (
                model,
                {
                    "requests": used["requests"],
                    "share": share,
                    "prompt_tokens": used["prompt_tokens"],
                    "answer_tokens": used["answer_tokens"],
                },
            )


class GatewayStats:
    """The counts of one gateway. `began_ns` is its start; all times are of one clock that does not go back."""

    def __init__(self, began_ns: int) -> None:
        self._began_ns = began_ns
        self._all = Totals()
        self._recent: deque[Served] = deque(maxlen=_MOST_KEPT)
        self._refused: Counter[str] = Counter()

    def ended(self, request: Served) -> None:
        """A request is over."""
        self._all.add(request)
        self._recent.append(request)
        oldest_ns = request.at_ns - WINDOWS[-1][1] * NS_PER_S
        while self._recent and self._recent[0].at_ns < oldest_ns:
            self._recent.popleft()

    def refused(self, label: str) -> None:
        """A request was refused before anybody looked at what it asks of a model."""
        self._refused[label] += 1

    def recent(self, most: int) -> list[Served]:
        """The latest requests, newest first."""
        return [request for request, _ in zip(reversed(self._recent), range(most), strict=False)]

    def since_start(self, now_ns: int, queue: dict[str, Any]) -> dict[str, Any]:
        """The counts since the start; `queue` is what the hosts' queues say of themselves."""
        whole = self._all.as_json()
        errors = Counter(whole["errors"]) + self._refused
        uptime_s = (now_ns - self._began_ns) / NS_PER_S
        return {"uptime_s": uptime_s, **whole, "errors": dict(errors.most_common()), "queue": queue}

    def as_json(self, now_ns: int, queue: dict[str, Any]) -> dict[str, Any]:
        """The whole answer: the counts since the start, and those of the windows."""
        windows = {}
        for name, seconds in WINDOWS:
            since_ns = now_ns - seconds * NS_PER_S
            windows[name] = Totals(request for request in self._recent if request.at_ns >= since_ns).as_json()
        return {**self.since_start(now_ns, queue), "windows": windows}


def _quantile_s(samples: Iterable[int], share: float) -> float | None:
    ordered = sorted(samples)
    return quantile(ordered, share) / NS_PER_S if ordered else None

"""Makes the tables of docs/lab.md from the recorded trace: `python tests/lab/gap.py`. A test checks the page.

How much of the gap between LRU and the optimum does a policy close? All slots are alike, as in `--unit`.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cache.offline_slots import min_hits
from toolkit.cache.policies.base import Item
from toolkit.cache.policies.registry import build_policy
from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.spec import parse_spec
from toolkit.lab.cache import Capacity, Use, play

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from toolkit.cache.policies.base import Policy

PROJECT = Path(__file__).resolve().parents[2]
TRACE = PROJECT.parent / "shared/data/traces/alibaba_genai_2026_first60.csv"
PAGE = PROJECT / "docs/lab.md"
SLOTS = (2, 4, 8)
ONLINE = (
    "lfu", "lfu(half-life=20)", "lru-k", "lrfu(decay=0.1)", "arc", "s3fifo", "gdsf", "next-use", "next-use(horizon=24)",
)  # fmt: skip
WINDOWS = (12, 25, 50, 100, 200, 400)
KEPT = ("lru", "ttl(keep-alive=5m)", "ttl(keep-alive=30m)", "histogram", "histogram(evict=next-use)")
PLACES = (4, 8, 16, 32)
LOAD_NS = 22_000_000_000
NS = 1_000_000_000


def uses_of(trace: Path = TRACE) -> list[Use]:
    """The requests in order of arrival, rows of one second in order of the file."""
    with trace.open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["gmt_create"])
    moments = [datetime.fromisoformat(row["gmt_create"]) for row in rows]
    seconds = [round((moment - moments[0]).total_seconds()) for moment in moments]
    return [Use(row["checkpoint_model_version_id"], at_s * NS) for row, at_s in zip(rows, seconds, strict=True)]


def told(names: Sequence[str], policy: Policy, slots: int) -> list[bool]:
    """Which requests hit."""
    answers: list[bool] = []
    items = {name: Item(name, 1, 1) for name in dict.fromkeys(names)}
    uses = (Use(name, at) for at, name in enumerate(names))
    play(uses, items, policy, Capacity(slots), on_answer=answers.append)
    return answers


class ByScore:
    """Evicts the resident model of the least score; scores may come from the future."""

    def __init__(self, score: Callable[[str, int, int], float]) -> None:
        """`score` of a model, the position of now, and that of its last use."""
        self._score = score
        self._last: dict[str, int] = {}
        self._now = 0

    def hit(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - by position
        """See `Policy`."""
        self._last[item.name] = self._now = position

    def missed(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - by position
        """See `Policy`."""
        self._now = position

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:  # noqa: ARG002 - by score
        """See `Policy`."""
        last = self._last
        name = min(last, key=lambda each: (self._score(each, self._now, last[each]), last[each]))
        del last[name]
        return name

    def loaded(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self.hit(item, position, now_ns)

    def gone(self, name: str) -> None:
        """See `Policy`."""
        self._last.pop(name, None)


def by_own_gaps(names: Sequence[str], horizon: int) -> ByScore:
    """Knows all gaps that each model ever has, past and future, but not when which comes: the law, not the draw."""
    last: dict[str, int] = {}
    gaps: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        if name in last:
            gaps.setdefault(name, []).append(at - last[name])
        last[name] = at
    for each in gaps.values():
        each.sort()

    def score(name: str, now: int, used: int) -> float:
        own = gaps.get(name, [])
        idle = bisect_right(own, now - used)
        alive = len(own) - idle
        return (bisect_right(own, now - used + horizon) - idle) / alive if alive else 0.0

    return ByScore(score)


def by_window(names: Sequence[str], window: int) -> ByScore:
    """Knows how often each model is asked for within the next `window` requests, but not in which order."""
    counts: Counter[str] = Counter(names[:window])
    reached = 0

    def score(name: str, now: int, used: int) -> float:  # noqa: ARG001 - the future says it all
        nonlocal reached
        while reached <= now:
            counts[names[reached]] -= 1
            if reached + window < len(names):
                counts[names[reached + window]] += 1
            reached += 1
        return counts[name]

    return ByScore(score)


def kept(uses: Sequence[Use]) -> str:
    """What a time to live costs in hits: at the trace's own moments, with room for so many models."""
    items = {use.model: Item(use.model, 1, LOAD_NS) for use in uses}
    heading = "".join(f" {places} places | loads |" for places in PLACES)
    lines = [f"| policy |{heading}", "|---|" + "---:|---:|" * len(PLACES)]
    for spec in KEPT:
        cells = []
        for places in PLACES:
            tally = play(uses, items, build_policy(parse_spec(spec), Surroundings(places)), Capacity(places))
            loads = f"{tally.loads:,}" + (f" + {tally.prefetches}" if tally.prefetches else "")
            cells.append(f"{tally.hits / tally.requests:.1%} | {loads}")
        lines.append(f"| {spec} | {' | '.join(cells)} |")
    return "\n".join(lines)


def tables(uses: Sequence[Use]) -> dict[str, str]:
    """All tables by their marks."""
    names = [use.model for use in uses]
    lru = {slots: sum(told(names, build_policy(parse_spec("lru"), Surroundings(slots)), slots)) for slots in SLOTS}
    best = {slots: min_hits(names, slots) for slots in SLOTS}
    total = len(names)

    def closed(make: Callable[[int], Policy]) -> Iterator[str]:
        for slots in SLOTS:
            hits = sum(told(names, make(slots), slots))
            yield f"{hits / total:.1%} | {(hits - lru[slots]) / (best[slots] - lru[slots]):.0%}"

    def online(spec: str) -> Callable[[int], Policy]:
        return lambda slots: build_policy(parse_spec(spec), Surroundings(slots))

    def seeing(window: int) -> Callable[[int], Policy]:
        return lambda _slots: by_window(names, window)

    heading = "".join(f" {slots} slots | of the gap |" for slots in SLOTS)
    lines = [f"| policy |{heading}", "|---|" + "---:|---:|" * len(SLOTS)]
    lines.append("| lru | " + " | ".join(f"{lru[slots] / total:.1%} | 0%" for slots in SLOTS) + " |")
    lines += [f"| {spec} | {' | '.join(closed(online(spec)))} |" for spec in ONLINE]
    lines.append("| the optimum | " + " | ".join(f"{best[slots] / total:.1%} | 100%" for slots in SLOTS) + " |")
    oracle = [f"| knows |{heading}", "|---|" + "---:|---:|" * len(SLOTS)]
    gaps = " | ".join(closed(lambda _slots: by_own_gaps(names, 12)))
    oracle.append(f"| the distribution of each model's gaps, past and future | {gaps} |")
    for window in WINDOWS:
        row = " | ".join(closed(seeing(window)))
        oracle.append(f"| how often each model comes within the next {window} requests | {row} |")
    return {"online": "\n".join(lines), "oracle": "\n".join(oracle), "kept": kept(uses)}


def renewed(page: str, made: dict[str, str]) -> str:
    """The page with the tables as they are now."""
    for mark, table in made.items():
        block = f"<!-- {mark}: made by tests/lab/gap.py -->\n{table}\n<!-- /{mark} -->"
        before, _, rest = page.partition(f"<!-- {mark}: ")
        page = before + block + rest.partition(f"<!-- /{mark} -->")[2]
    return page


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), tables(uses_of())), encoding="utf-8")

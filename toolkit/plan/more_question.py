"""The question of more: what would one more GPU bring, or a second host with some of the models?

Placements over two hosts are ranked by `toolkit.fit`: fewest pairs of models on one host that cannot stay loaded
together; the best few are played, hosts on one clock, with a router that knows which host has a model. These searches
are coarse: few repetitions, and an end at ten percent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Final

from toolkit.plan.case import Card, Site
from toolkit.plan.load_question import highest_of
from toolkit.plan.search import Effort, LoadSearch
from toolkit.plan.settings_question import wanted_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolkit.config.twin_parts import GpuSection
    from toolkit.plan.case import Case
    from toolkit.plan.load_question import LoadAnswer
    from toolkit.plan.memory import Memory
    from toolkit.plan.search import Found
    from toolkit.plan.sweep import Sweep
    from toolkit.plan.tally import Tally

COARSE: Final = Effort(scan=2, requests=2_000, fewest=2, most=4, tolerance=1.1)
MOST_GAIN: Final = 8
LEAST_GAIN: Final = 1.5
LONG_PLAN: Final = 8_000
"""The search goes no further than eight times the load that it begins with; where plans have more requests than this,
not beyond one and a half times."""
_MOST_PLACEMENTS: Final = 3
_MOST_MODELS: Final = 8
"""Of more models only single ones are moved: the number of placements doubles with each."""


@dataclass(frozen=True, slots=True)
class MoreRow:
    """One change: what it is, and the largest load with it (coarse); None if no load keeps the promises.

    `at_least`: the search went no further than this load.
    """

    label: str
    case: Case
    load: float | None
    at_least: bool


@dataclass(frozen=True, slots=True)
class MoreAnswer:
    """`now` is the largest load of what is there. Rows in the order: one more GPU, then second hosts."""

    now: float | None
    rows: tuple[MoreRow, ...]


def what_more_brings(
    sweep: Sweep,
    case: Case,
    memory: Memory,
    models: Sequence[str],
    *,
    gpus: tuple[GpuSection, ...],
    start: float,
    now: LoadAnswer | None,
) -> MoreAnswer:
    """Search every change from `start` on. `now` is what this case takes; None: that is searched in the same way."""
    changes = [*one_more_gpu(case, gpus), *second_host(case, memory, models, gpus)]
    rows = [
        MoreRow(label, changed, found.load, found.open_end)
        for label, changed in changes
        for found in (_coarse(sweep, changed, start),)
    ]
    return MoreAnswer(_coarse(sweep, case, start).load if now is None else now.load, tuple(rows))


def one_more_gpu(case: Case, gpus: tuple[GpuSection, ...]) -> Iterator[tuple[str, Case]]:
    """The same host with one more of its first GPU; nothing on a host without one."""
    if gpus:
        cards = tuple(Card(gpu) for gpu in (*gpus, gpus[0]))
        yield f"one more {gpus[0].name}", replace(case, sites=(Site(cards),))


def second_host(
    case: Case, memory: Memory, models: Sequence[str], gpus: tuple[GpuSection, ...]
) -> Iterator[tuple[str, Case]]:
    """The best placements over this host and a second one like it."""
    together = memory.together(gpus, wanted_of(case)) if gpus else ()
    ranked = sorted(
        placements(models), key=lambda pair: (apart(pair[0], together) + apart(pair[1], together), len(pair[1]), pair)
    )
    for stays, moved in ranked[:_MOST_PLACEMENTS]:
        yield (
            f"{' and '.join(moved)} on a second such host",
            replace(case, sites=(Site(models=stays), Site(models=moved))),
        )


def placements(models: Sequence[str]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Every way to give two equal hosts at least one model each: (larger part, smaller part)."""
    names = sorted(models)
    sizes = range(1, len(names) // 2 + 1) if len(names) <= _MOST_MODELS else (1,)
    for size in sizes:
        for moved in combinations(names, size):
            stays = tuple(name for name in names if name not in moved)
            if len(stays) > size or stays < moved:  # of two halves the first in order stays
                yield stays, moved


def apart(models: Sequence[str], together: Sequence[Sequence[str]]) -> int:
    """Pairs of these models that cannot stay loaded at the same time."""
    return sum(not any({*pair} <= {*one} for one in together) for pair in combinations(models, 2))


def _coarse(sweep: Sweep, case: Case, start: float) -> Found:
    study = sweep.study

    def measure(loads: Sequence[float], repetitions: int) -> Sequence[Sequence[Tally]]:
        return sweep.measure([(case, load) for load in loads], range(repetitions), "what more would bring")

    begin = study.workload.snapped(start)
    requests = max(len(study.workload.plan(1.0, 0).requests), 1)
    gain = max(start * LEAST_GAIN, min(start * MOST_GAIN, LONG_PLAN / requests))
    highest = study.workload.snapped(max(min(highest_of(sweep), gain), begin))
    search = LoadSearch(measure, study.slos, study.workload.snapped, COARSE, highest=highest)
    return search.refine(begin, COARSE.repetitions(measure((begin,), COARSE.scan)[0]))

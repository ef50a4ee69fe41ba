"""The disciplines by name, each with its parameters and its bound in a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.cache.disciplines.estimates import ServiceEstimates
from toolkit.cache.disciplines.fcfs import FirstCome
from toolkit.cache.disciplines.least_wait import LeastWait
from toolkit.cache.disciplines.priority import Ageing
from toolkit.cache.disciplines.resident_first import ResidentFirst
from toolkit.cache.disciplines.shadow import ShadowBounded
from toolkit.cache.spec import Parameters, entry_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.cache.disciplines.base import Discipline
    from toolkit.cache.disciplines.places import Places
    from toolkit.cache.spec import Spec

_PATIENCE_NS: Final = 600_000_000_000
_STEP_NS: Final = 60_000_000_000


@dataclass(frozen=True, slots=True)
class DisciplineEntry:
    """A discipline's name, its parameters as a reader writes them, whom it serves first and within which bound."""

    name: str
    parameters: str
    summary: str
    build: Callable[[Parameters, Places], Discipline]


def _shadow(given: Parameters, places: Places) -> Discipline:
    return ShadowBounded(given.span_ns("bound", _PATIENCE_NS), places, ServiceEstimates())


def _resident_first(given: Parameters, _places: Places) -> Discipline:
    return ResidentFirst(given.span_ns("patience", _PATIENCE_NS))


def _least_wait(given: Parameters, places: Places) -> Discipline:
    return LeastWait(given.span_ns("patience", _PATIENCE_NS), places, ServiceEstimates())


DISCIPLINES: Final[tuple[DisciplineEntry, ...]] = (
    DisciplineEntry("fcfs", "", "first come, first served; nobody is overtaken", lambda _given, _places: FirstCome()),
    DisciplineEntry(
        "resident-first",
        "patience=10m",
        "models in memory, then the most wanted; who has waited so long is not overtaken",
        _resident_first,
    ),
    DisciplineEntry(
        "shadow",
        "bound=10m",
        "models in memory, then the most wanted; nobody starts so much later than first come first served",
        _shadow,
    ),
    DisciplineEntry(
        "least-wait",
        "patience=10m",
        "the batch that is served at the best rate; who has waited so long is not overtaken",
        _least_wait,
    ),
    DisciplineEntry(
        "ageing",
        "step=1m",
        "priorities; one step of waiting is worth one priority",
        lambda given, _places: Ageing(given.span_ns("step", _STEP_NS)),
    ),
)


def build_discipline(spec: Spec, places: Places) -> Discipline:
    """A fresh discipline as written down; `places` is the empty host on paper.

    Raises:
        UsageError: no discipline of this name, or a parameter that it does not have or take.
    """
    entry = entry_of(spec, DISCIPLINES, "discipline", "disciplines")
    given = Parameters(spec)
    discipline = entry.build(given, places)
    given.finish()
    return discipline

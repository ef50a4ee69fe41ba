"""How far the twin's replay and the recording agree, request by request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.measure.outcomes import LOADED
from toolkit.measure.services import services_of
from toolkit.stats.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolkit.measure.outcomes import Outcome, Undone
    from toolkit.measure.player import Replay
    from toolkit.measure.recording import Recording

NS_PER_S = 1e9
LONG_NS = 3_000_000_000
"""A wait longer than any single load: somebody waited for somebody else."""
QUIET = 1.0
"""A load average below this leaves one of the two cores to the load."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Absolute differences in seconds."""

    count: int
    median_s: float
    p95_s: float
    max_s: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A request that the twin served differently: another way of finding its model, or other victims."""

    number: int
    model: str
    recorded: str
    told: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """The figures; waits and ends are compared where the recording knows them."""

    requests: int
    same_found: int
    loads_recorded: int
    loads_told: int
    same_victims: int
    disagreements: tuple[Disagreement, ...]
    waits: Errors
    load_waits: Errors
    quiet_load_waits: Errors
    ends: Errors
    long_waits_recorded: tuple[int, ...]
    long_waits_told: tuple[int, ...]
    undone_recorded: tuple[Undone, ...]
    undone_told: tuple[Undone, ...]
    looks: int
    same_looks: int


def compare(recording: Recording, recorded: Mapping[int, Outcome], replay: Replay) -> Agreement:
    """Compare the outcomes of one replay with the recorded ones."""
    told = replay.outcomes
    pairs = [(number, outcome, told[number]) for number, outcome in sorted(recorded.items())]
    differences = {
        number: abs(seen.wait_ns - other.wait_ns)
        for number, seen, other in pairs
        if seen.wait_ns is not None and other.wait_ns is not None
    }
    loads = [(number, seen, other) for number, seen, other in pairs if seen.found in LOADED]
    quiet = {request.number for request in recording.requests if (request.load_average or 0) < QUIET}
    return Agreement(
        requests=len(pairs),
        same_found=sum(seen.found == other.found for _, seen, other in pairs),
        loads_recorded=len(loads),
        loads_told=sum(other.found in LOADED for _, _, other in pairs),
        same_victims=sum(seen.victims == other.victims and other.found in LOADED for _, seen, other in loads),
        disagreements=tuple(
            Disagreement(number, recording.requests[number].model, describe(seen), describe(other))
            for number, seen, other in pairs
            if describe(seen) != describe(other)
        ),
        waits=errors(differences.values()),
        load_waits=errors(differences[number] for number, _, _ in loads),
        quiet_load_waits=errors(differences[number] for number, _, _ in loads if number in quiet),
        ends=errors(abs(seen.end_ns - other.end_ns) for _, seen, other in pairs),
        long_waits_recorded=long_waits(recorded),
        long_waits_told=long_waits(told),
        undone_recorded=undone(recorded),
        undone_told=undone(told),
        looks=len(replay.looks),
        same_looks=sum(a == b for a, b in zip(recording.looks, replay.looks, strict=True)),
    )


def describe(outcome: Outcome) -> str:
    """What is compared, in words: how the model was found, who had to go, and whether it was busy."""
    victims = [f"busy {name}" if name in outcome.busy_victims else name for name in outcome.victims]
    return f"{outcome.found}, evicts {' and '.join(victims)}" if victims else outcome.found


def errors(differences_ns: Iterable[int]) -> Errors:
    """Summarise absolute differences; there must be some."""
    ordered = sorted(difference / NS_PER_S for difference in differences_ns)
    return Errors(len(ordered), quantile(ordered, 0.5), quantile(ordered, 0.95), ordered[-1])


def long_waits(outcomes: Mapping[int, Outcome]) -> tuple[int, ...]:
    """The requests that waited longer than any load takes."""
    return tuple(
        number for number, outcome in sorted(outcomes.items()) if outcome.wait_ns and outcome.wait_ns > LONG_NS
    )


def undone(outcomes: Mapping[int, Outcome]) -> tuple[Undone, ...]:
    """The evictions that came to nothing, by the request that waited for them."""
    return tuple(outcome.undone for _, outcome in sorted(outcomes.items()) if outcome.undone is not None)


def derivation_errors(recording: Recording) -> Errors:
    """How well the service time of an answer without counters is known: derived for answers that have them, too."""
    counted, derived = services_of(recording), services_of(recording, derive=True)
    with_counters = [service.number for service in counted.values() if service.counted]
    return errors(abs(counted[number].total_ns - derived[number].total_ns) for number in with_counters)

"""How far a replay is from its recording: who found the model cold, how long swaps, first tokens and answers took.

Errors are absolute percentage errors, as fractions. Beside each stands the noise floor: the error of predicting each
recorded value by the median of the others of its kind in the recording itself, which no model of the kinds alone beats.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from toolkit.measure.outcomes import LOADED
from toolkit.stats.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.measure.outcomes import Outcome
    from toolkit.measure.recording import Recording, Sent

COLD_TARGET = 0.99
FLOOR_ALLOWANCE = 1.25
"""A measurement that is this noisy cannot be told better than that."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One value as recorded and as told, in ns; `kind` is what the noise floor groups by."""

    number: int
    kind: tuple[object, ...]
    recorded_ns: int
    told_ns: int

    @property
    def error(self) -> float:
        """Absolute, as a fraction of the recorded value."""
        return abs(self.told_ns - self.recorded_ns) / self.recorded_ns


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure over all its pairs; None where there is nothing to take a median of."""

    name: str
    target: float
    pairs: tuple[Pair, ...]
    median_ape: float | None
    p95_ape: float | None
    noise_floor: float | None

    @property
    def limit(self) -> float:
        """What the median error may be: the target, or what the recording's own noise allows."""
        return max(self.target, FLOOR_ALLOWANCE * (self.noise_floor or 0.0))


@dataclass(frozen=True, slots=True)
class Scores:
    """All that is said of the scored requests. `cold_differ` are those that are cold in one and not in the other."""

    requests: int
    same_cold: int
    cold_differ: tuple[int, ...]
    swap_latency: Measure
    ttft: Measure
    e2e: Measure

    @property
    def cold_agreement(self) -> float:
        """The share of requests that were cold in both, or in neither."""
        return self.same_cold / self.requests if self.requests else 1.0

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The three that have a target."""
        return (self.swap_latency, self.ttft, self.e2e)


def score(
    recording: Recording, recorded: Mapping[int, Outcome], told: Mapping[int, Outcome], chosen: frozenset[int]
) -> Scores:
    """Score the chosen requests; noise floors are those of the chosen requests among all of the recording."""
    numbers = sorted(number for number in recorded if number in chosen and number in told)
    differ = tuple(number for number in numbers if _cold(recorded[number]) != _cold(told[number]))
    sent = {request.number: request for request in recording.requests}
    swaps, firsts, ends = [], [], []
    for number, outcome in sorted(recorded.items()):
        other, request = told.get(number), sent[number]
        if other is None:
            continue
        if _cold(outcome) and "load_duration" in request.counters and other.wait_ns is not None:
            kind = (outcome.victims[-1:], request.model)
            swaps.append(Pair(number, kind, request.counters["load_duration"], other.wait_ns))
        if request.answers:
            state = (request.model, _cold(outcome))
            firsts += _since_sent(request, state, outcome.first_ns, other.first_ns)
            ends += _since_sent(request, state, outcome.end_ns, other.end_ns)
    return Scores(
        len(numbers),
        len(numbers) - len(differ),
        differ,
        _measure("swap_latency", 0.05, swaps, chosen),
        _measure("ttft", 0.15, firsts, chosen),
        _measure("e2e", 0.10, ends, chosen),
    )


def _cold(outcome: Outcome) -> bool:
    return outcome.found in LOADED


def _since_sent(request: Sent, kind: tuple[object, ...], recorded_ns: int | None, told_ns: int | None) -> list[Pair]:
    if recorded_ns is None or told_ns is None or recorded_ns <= request.sent_ns:
        return []
    return [Pair(request.number, kind, recorded_ns - request.sent_ns, told_ns - request.sent_ns)]


def _measure(name: str, target: float, pairs: Sequence[Pair], chosen: frozenset[int]) -> Measure:
    scored = tuple(pair for pair in pairs if pair.number in chosen)
    errors = sorted(pair.error for pair in scored)
    return Measure(
        name,
        target,
        scored,
        quantile(errors, 0.5) if errors else None,
        quantile(errors, 0.95) if errors else None,
        _noise_floor(pairs, chosen),
    )


def _noise_floor(pairs: Sequence[Pair], chosen: frozenset[int]) -> float | None:
    """Predict each chosen value by the median of the others of its kind; one that is alone says nothing."""
    by_kind: dict[tuple[object, ...], list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_kind[pair.kind].append(pair)
    errors = []
    for pair in pairs:
        others = [other.recorded_ns for other in by_kind[pair.kind] if other is not pair]
        if others and pair.number in chosen:
            errors.append(abs(median(others) - pair.recorded_ns) / pair.recorded_ns)
    return quantile(sorted(errors), 0.5) if errors else None

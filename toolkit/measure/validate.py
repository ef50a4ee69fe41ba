"""A recording, played on a calibrated twin, and how far the two are apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from toolkit.host.from_config import twin_from_config
from toolkit.measure.activity import Activity, spans_of
from toolkit.measure.background import background_of
from toolkit.measure.consensus import consensus
from toolkit.measure.outcomes import LOADED, outcomes_of
from toolkit.measure.parts import numbers_of
from toolkit.measure.player import replay, replay_with_measured_services
from toolkit.measure.score import Scores, score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.config.twin import TwinSection
    from toolkit.host.twin_spec import TwinSpec
    from toolkit.measure.outcomes import Outcome, Undone
    from toolkit.measure.recording import Recording

Service = Literal["model", "measured"]
SEED = "validation"
WORST = 10
RUNS: Mapping[Service, int] = {"model": 25, "measured": 1}
"""Where answers last as measured, nothing should vary."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A request on which the twin is wrong, its end to end times, and why, as far as that can be told."""

    number: int
    model: str
    kind: str
    recorded_ns: int
    told_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class Validation:
    """Scores and how they came about. `background` is what other programs wanted, read off the load averages."""

    scores: Scores
    service: Service
    part: str
    runs: int
    background: tuple[tuple[int, float], ...]
    has_log: bool
    loads_recorded: int
    loads_told: int
    same_victims: int
    undone_recorded: tuple[Undone, ...]
    undone_told: tuple[Undone, ...]
    worst: tuple[Miss, ...]


def validate(
    recording: Recording,
    section: TwinSection,
    service: Service,
    part: str = "all",
    *,
    runs: int = 1,
    background: bool = True,
) -> Validation:
    """Play the whole recording on the section's twin, and score the requests of `part`.

    With several `runs` durations vary by the section's `jitter`, and what most runs say counts (see
    `toolkit.measure.consensus`); in a single one nothing varies.

    The server's settings are the recording's own, as far as it has them. With `background`, other programs take cores
    from the twin as they did from the recorded host (read off the load averages: an input like the arrivals, not
    something that the twin could know); without it, the twin has its host to itself.

    Raises:
        InputError: the recording asks for a model that the twin does not have.
    """
    spec = twin_from_config(section.model_copy(update={"env": {**section.env, **recording.environment}}))
    spec = replace(spec, jitter_sigma=spec.jitter_sigma if runs > 1 else 0.0)
    others: tuple[tuple[int, float], ...] = ()
    if background and spec.cores is not None:
        others = background_of(recording, Activity(spans_of(recording, spec.cores.threads)))
        spec = replace(spec, cores=replace(spec.cores, background=others))
    return compare_with(recording, spec, service, part, runs)


def compare_with(recording: Recording, spec: TwinSpec, service: Service, part: str, runs: int) -> Validation:
    """The same for a twin that is described already."""
    recorded = outcomes_of(recording)
    play = replay_with_measured_services if service == "measured" else replay
    told = consensus([play(recording, spec, f"{SEED}-{run}").outcomes for run in range(runs)])
    chosen = numbers_of(recording, part)
    scores = score(recording, recorded, told, chosen)
    loads = [number for number in recorded if number in chosen and recorded[number].found in LOADED]
    return Validation(
        scores,
        service,
        part,
        runs,
        () if spec.cores is None else spec.cores.background,
        recording.has_log,
        len(loads),
        sum(told[number].found in LOADED for number in recorded if number in chosen),
        sum(told[number].found in LOADED and told[number].victims == recorded[number].victims for number in loads),
        _undone(recorded, chosen),
        _undone(told, chosen),
        _worst(recording, recorded, told, scores),
    )


def _undone(outcomes: Mapping[int, Outcome], chosen: frozenset[int]) -> tuple[Undone, ...]:
    return tuple(outcome.undone for number, outcome in sorted(outcomes.items()) if outcome.undone and number in chosen)


def _worst(
    recording: Recording, recorded: Mapping[int, Outcome], told: Mapping[int, Outcome], scores: Scores
) -> tuple[Miss, ...]:
    """The largest errors of end to end time, in seconds: what an operator would notice."""
    sent = {request.number: request for request in recording.requests}
    pairs = sorted(scores.e2e.pairs, key=lambda pair: -abs(pair.told_ns - pair.recorded_ns))[:WORST]
    return tuple(
        Miss(
            pair.number,
            sent[pair.number].model,
            sent[pair.number].kind,
            pair.recorded_ns,
            pair.told_ns,
            _reason(recorded[pair.number], told[pair.number], pair.told_ns - pair.recorded_ns, recording),
        )
        for pair in pairs
    )


def _reason(recorded: Outcome, told: Outcome, error_ns: int, recording: Recording) -> str:
    """What differs: the decision, the wait for the model, or what came after it."""
    if recorded.found != told.found:
        return f"found its model {told.found}, recorded {recorded.found}"
    if recording.has_log and recorded.found in LOADED and recorded.victims != told.victims:
        return f"evicted {_named(told.victims)}, recorded {_named(recorded.victims)}"
    if recorded.wait_ns is None or told.wait_ns is None:
        return "wait and answer cannot be told apart: no counters"
    wait_error_ns = told.wait_ns - recorded.wait_ns
    if abs(wait_error_ns) > abs(error_ns) / 2:
        return f"waited {told.wait_ns / 1e9:.2f} s for its model, recorded {recorded.wait_ns / 1e9:.2f} s"
    return "once it had its model, it queued or was answered " + ("more slowly" if error_ns > 0 else "more quickly")


def _named(victims: tuple[str, ...]) -> str:
    return " and ".join(victims) if victims else "nobody"

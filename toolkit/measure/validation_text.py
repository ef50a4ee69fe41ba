"""A validation for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.measure.score import COLD_TARGET, FLOOR_ALLOWANCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.measure.outcomes import Undone
    from toolkit.measure.score import Measure
    from toolkit.measure.validate import Validation

NS_PER_S = 1e9
NAME_CHARACTERS = 15
NAMES = {"swap_latency": "swap latency", "ttft": "time to first token", "e2e": "end to end"}
SERVICES = {
    "model": "answers last as the calibrated model says",
    "measured": "answers last as measured; only the scheduler, loads and stops are the twin's",
}


def validation_json(validation: Validation) -> dict[str, Any]:
    """The figures as plain data; shares and errors as fractions, times in seconds."""
    scores = validation.scores
    return {
        "requests": scores.requests,
        "cold_agreement": scores.cold_agreement,
        **{measure.name: _measure_json(measure) for measure in scores.measures},
        "service": validation.service,
        "part": validation.part,
        "runs": validation.runs,
        "cold_told_by": "log" if validation.has_log else "load_duration",
        "cold_differ": list(scores.cold_differ),
        "loads": {
            "recorded": validation.loads_recorded,
            "told": validation.loads_told,
            "same_victims": validation.same_victims,
        },
        "undone_evictions": {
            "recorded": [_undone_json(one) for one in validation.undone_recorded],
            "told": [_undone_json(one) for one in validation.undone_told],
        },
        "background": [{"from_s": at_ns / NS_PER_S, "threads": threads} for at_ns, threads in validation.background],
        "worst": [
            {
                "request": miss.number,
                "model": miss.model,
                "kind": miss.kind,
                "recorded_s": miss.recorded_ns / NS_PER_S,
                "told_s": miss.told_ns / NS_PER_S,
                "reason": miss.reason,
            }
            for miss in validation.worst
        ],
    }


def validation_text(validation: Validation, recording: str, config: str) -> str:
    """A page for the terminal, 100 columns wide at most."""
    return "\n".join(_lines(validation, recording, config))


def _lines(validation: Validation, recording: str, config: str) -> Iterator[str]:
    scores = validation.scores
    part = "" if validation.part == "all" else f", scored: {validation.part}"
    yield f"{recording} on the twin of {config}{part}"
    yield f"service {validation.service}: {SERVICES[validation.service]}"
    yield _others(validation)
    if validation.runs > 1:
        yield f"told is what most of {validation.runs} runs say, whose durations vary as the config's jitter says"
    if not validation.has_log:
        yield "no server.log: a request counts as cold where load_duration is 0.1 s or more; victims are not known"
    yield ""
    agreed = f"{scores.same_cold} of {scores.requests} ({scores.cold_agreement:.1%})"
    verdict = _verdict(scores.cold_agreement >= COLD_TARGET)
    yield f"same requests cold      {agreed:<22} {verdict}, target {COLD_TARGET:.0%}"
    if validation.has_log:
        yield f"loads, same victims     {validation.same_victims} of {validation.loads_recorded}"
    yield ""
    yield f"{'':<22}{'n':>5}{'median':>9}{'p95':>9}{'noise floor':>13}{'allowed':>9}"
    for measure in scores.measures:
        yield _measure_line(measure)
    yield f"(absolute percentage errors; allowed: the target, or {FLOOR_ALLOWANCE} x the floor where that is larger)"
    if validation.undone_recorded or validation.undone_told:
        yield ""
        yield f"undone evictions, recorded: {_undone_text(validation.undone_recorded)}"
        yield f"                      told: {_undone_text(validation.undone_told)}"
    if validation.worst:
        yield ""
        yield "where the twin is wrong most, end to end:"
        yield f"{'request':>9}  {'model':<16}{'kind':<10}{'recorded':>9}{'told':>9}  why"
        for miss in validation.worst:
            times = f"{miss.recorded_ns / NS_PER_S:>8.2f}s{miss.told_ns / NS_PER_S:>8.2f}s"
            yield f"{miss.number:>9}  {_short(miss.model):<16}{miss.kind:<10}{times}  {miss.reason}"


def _others(validation: Validation) -> str:
    if not any(threads for _, threads in validation.background):
        return "other programs: none taken into account"
    steps = ", ".join(f"{threads:g} from {at_ns / NS_PER_S:.0f} s" for at_ns, threads in validation.background)
    return f"other programs (threads, read off the recorded load averages): {steps}"


def _measure_line(measure: Measure) -> str:
    count = len(measure.pairs)
    if measure.median_ape is None or measure.p95_ape is None:
        return f"{NAMES[measure.name]:<22}{count:>5}        -"
    floor = "-" if measure.noise_floor is None else f"{measure.noise_floor:.1%}"
    verdict = _verdict(measure.median_ape <= measure.limit)
    if verdict == "ok" and measure.median_ape > measure.target:
        verdict = f"ok by the noise, target {measure.target:.0%}"
    errors = f"{measure.median_ape:>9.1%}{measure.p95_ape:>9.1%}"
    return f"{NAMES[measure.name]:<22}{count:>5}{errors}{floor:>13}{measure.limit:>9.1%}  {verdict}"


def _verdict(reached: bool) -> str:
    return "ok" if reached else "MISSED"


def _short(name: str) -> str:
    return name if len(name) <= NAME_CHARACTERS else f"{name[: NAME_CHARACTERS - 1]}…"


def _measure_json(measure: Measure) -> dict[str, Any]:
    return {
        "count": len(measure.pairs),
        "median_ape": measure.median_ape,
        "p95_ape": measure.p95_ape,
        "noise_floor": measure.noise_floor,
        "target": measure.target,
        "allowed": measure.limit,
    }


def _undone_json(one: Undone) -> dict[str, Any]:
    return {"request": one.number, "victim": one.victim, "waited_s": one.waited_ns / NS_PER_S}


def _undone_text(undone: tuple[Undone, ...]) -> str:
    return ", ".join(f"{one.number} ({one.victim}, {one.waited_ns / NS_PER_S:.2f} s)" for one in undone) or "none"

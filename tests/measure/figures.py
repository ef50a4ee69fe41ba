"""The table of docs/validation.md that holds the calibrated twin against its recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.measure.conftest import section_of
from toolkit.measure.command import calibrated
from toolkit.measure.parts import OTHER
from toolkit.measure.recording import read_recording
from toolkit.measure.validate import RUNS, Validation, validate

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.measure.score import Measure

SPLITS = ("first-half", "second-half", "even", "odd")


@dataclass(frozen=True, slots=True)
class Validated:
    """Validations by what was trained on; `measured` and `alone` (no background) by the whole."""

    model: dict[str, Validation]
    measured: Validation
    alone: Validation


def validated(timing: Path) -> Validated:
    """Calibrate on the whole and on each half, and validate each."""
    recording = read_recording(timing)
    whole = section_of(calibrated(timing, "all", 0, None).config)
    model = {"all": validate(recording, whole, "model", runs=RUNS["model"])}
    for part in SPLITS:
        twin = section_of(calibrated(timing, part, 0, None).config)
        model[part] = validate(recording, twin, "model", OTHER[part], runs=RUNS["model"])
    return Validated(
        model,
        validate(recording, whole, "measured", runs=RUNS["measured"]),
        validate(recording, whole, "model", runs=RUNS["model"], background=False),
    )


def table(figures: Validated) -> str:
    """As Markdown."""
    rows = [
        ("trained on", "scored", "answers", "cold alike", "swap latency", "TTFT", "end to end"),
        ("---",) * 7,
        *(_row(part, OTHER.get(part, "all"), one) for part, one in figures.model.items()),
        _row("all, other programs left out", "all", figures.alone),
        _row("all", "all", figures.measured),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(trained: str, scored: str, one: Validation) -> tuple[str, ...]:
    scores = one.scores
    cold = f"{scores.same_cold} of {scores.requests} ({scores.cold_agreement:.1%})"
    return (trained, scored, one.service, cold, *(_cell(measure) for measure in scores.measures))


def _cell(measure: Measure) -> str:
    """Median, 95th percentile, and what the recording's own noise is."""
    if measure.median_ape is None or measure.p95_ape is None or measure.noise_floor is None:
        return "-"
    return f"{measure.median_ape:.1%}, {measure.p95_ape:.0%} ({measure.noise_floor:.0%})"

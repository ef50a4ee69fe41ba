"""The figures of docs/validation.md, computed anew from the recordings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.conformance.timing.host import recorded_host
from toolkit.host import timing
from toolkit.measure.agreement import Agreement, Errors, compare, derivation_errors
from toolkit.measure.matrix import (
    COLD,
    JITTER_SIGMA,
    NUM_CTX,
    Oracle,
    Row,
    Rule,
    likelihood,
    read_matrix,
    read_stops,
)
from toolkit.measure.outcomes import outcomes_of
from toolkit.measure.player import replay_with_measured_services, replay_with_recorded_durations
from toolkit.measure.recording import read_recording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from toolkit.host.twin_spec import TwinSpec

SEED = "validation"
JITTERED_RUNS = 40
SPEEDS = [speed * 1e7 for speed in range(20, 250)]
CACHED_KINDS = ("load_warm", "quantum", "swap")


@dataclass(frozen=True, slots=True)
class TraceFigures:
    """Replays by the timing model and with recorded durations; how often jitter lets an eviction be undone."""

    modelled: Agreement
    recorded_durations: Agreement
    undone_by_request: dict[int, int]
    least_same_found: int
    service: Errors


@dataclass(frozen=True, slots=True)
class MatrixFigures:
    """Each row of the matrix beside the twin's answer, stops by model, and the likeliest speeds."""

    pairs: tuple[tuple[Row, int], ...]
    stops: tuple[tuple[str, list[int], int], ...]
    cached_rows: int
    likelihood: float
    """Of the number of looks in rows whose file was in the page cache, see `swap.likelihood`."""
    likelihood_of_file_alone: float
    page_cache_bytes_per_s: float
    disk_bytes_per_s: float
    first_round_disk_bytes_per_s: float


def trace_figures(shared_dir: Path) -> TraceFigures:
    """Play the recorded traffic in all its variants."""
    recording = read_recording(shared_dir / "ollama/golden/timing")
    spec = recorded_host(shared_dir, recording.max_loaded)
    recorded = outcomes_of(recording)
    jittered = [
        compare(
            recording,
            recorded,
            replay_with_measured_services(recording, replace(spec, jitter_sigma=JITTER_SIGMA), f"{SEED}-{run}"),
        )
        for run in range(JITTERED_RUNS)
    ]
    undone: dict[int, int] = {}
    for agreement in jittered:
        for one in agreement.undone_told:
            undone[one.number] = undone.get(one.number, 0) + 1
    return TraceFigures(
        compare(recording, recorded, replay_with_measured_services(recording, spec, SEED)),
        compare(recording, recorded, replay_with_recorded_durations(recording, spec, SEED)),
        dict(sorted(undone.items())),
        min(agreement.same_found for agreement in jittered),
        derivation_errors(recording),
    )


def matrix_figures(shared_dir: Path) -> MatrixFigures:
    """Ask the twin for every row, and fit the speeds."""
    directory = shared_dir / "ollama/golden/timing"
    rows = read_matrix(directory)
    spec = recorded_host(shared_dir, 1)
    oracle = Oracle(spec)
    costs = {model.spec.name: model.cost for model in spec.models}
    cached = [row for row in rows if row.kind in CACHED_KINDS]
    cold = [row for row in rows if row.kind == COLD]

    def from_cache(speed: float, rule: Rule) -> float:
        return likelihood(rule, cached, costs, timing.HostSpeeds(speed, speed, 1.0, 1.0, 1.0))

    def from_disk(speed: float, of: Sequence[Row]) -> float:
        return likelihood(Rule(cached=False), of, costs, timing.HostSpeeds(speed, page_cache, 1.0, 1.0, 1.0))

    page_cache = max(SPEEDS, key=lambda speed: from_cache(speed, Rule(cached=True)))
    return MatrixFigures(
        pairs=tuple((row, oracle.wait_ns(row)) for row in rows),
        stops=tuple((name, taken, _stop_told(spec, name)) for name, taken in read_stops(directory).items()),
        cached_rows=len(cached),
        likelihood=from_cache(page_cache, Rule(cached=True)),
        likelihood_of_file_alone=max(from_cache(speed, Rule(cached=True, buffers=False)) for speed in SPEEDS),
        page_cache_bytes_per_s=page_cache,
        disk_bytes_per_s=max(SPEEDS, key=lambda speed: from_disk(speed, [row for row in cold if not row.first_round])),
        first_round_disk_bytes_per_s=max(
            SPEEDS, key=lambda speed: from_disk(speed, [row for row in cold if row.first_round])
        ),
    )


def _stop_told(spec: TwinSpec, name: str) -> int:
    model = spec.model(name)
    assert model is not None
    return timing.unload_ns(model.cost.need_bytes(NUM_CTX), 0, spec.speeds)

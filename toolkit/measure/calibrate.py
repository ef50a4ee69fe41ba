"""The twin's timing model, fitted to a recording: loads and stops, what answers cost each model, cores.

What a recording does not show is left out of the result, and the twin keeps its default there. A background that took
cores from the recorded host explains its times, and is no part of the result: it is not the host's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.errors import Inconclusive, InputError, UsageError
from toolkit.host import timing
from toolkit.measure.activity import Activity, spans_of
from toolkit.measure.background import background_of
from toolkit.measure.fit_loads import LoadSeen, StopSeen, fit_loads, fit_stops
from toolkit.measure.fit_services import fit_services, observed_in_matrix, observed_services
from toolkit.measure.matrix import RESIDENT, SWAP_LOG, read_matrix
from toolkit.measure.outcomes import LOG_SLACK_NS, outcomes_of
from toolkit.measure.parts import numbers_of
from toolkit.measure.recording import REQUESTS
from toolkit.measure.server_log import Life, read_lives
from toolkit.measure.sizes import Sizes, size_by_loads, sizes_of
from toolkit.measure.traffic import has_traffic, read_traffic
from toolkit.stats.interval import Interval, median_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from toolkit.measure.fit_loads import Loads, Stops
    from toolkit.measure.fit_services import Services
    from toolkit.measure.matrix import Row
    from toolkit.measure.recording import Recording

NS_PER_S = 1e9
MATRIX = "swap_matrix.csv"


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a recording says of its host; None where it says nothing. Times in seconds."""

    models: tuple[Sizes, ...]
    environment: Mapping[str, str]
    loads: Loads | None
    stops: Stops | None
    services: Services | None
    answer_s: Interval | None
    """What an answer costs besides the wait for its model, its prompt and its tokens, seen by the client."""
    client_s: Interval | None
    """The part of it that the server's own total does not contain."""
    recovery_s: Interval | None
    threads: int | None
    background: tuple[tuple[int, float], ...]
    on_gpu: bool
    source: str
    sizes_by_loads: tuple[str, ...] = ()
    """Models whose size nothing says, so that it is what fits their loads at the twin's usual speed."""


@dataclass(frozen=True, slots=True)
class Material:
    """What lies in a directory: traffic, a swap matrix, and the processes of either log."""

    recording: Recording | None
    rows: tuple[Row, ...]
    lives: tuple[Life, ...]
    """Of the matrix's log, if it has one, otherwise of the traffic's."""


def read_material(directory: Path) -> Material:
    """Read whatever there is.

    Raises:
        InputError: there is neither traffic nor a matrix, or one of them is not readable.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory; a recording is a directory with {REQUESTS} or {MATRIX}")
    recording = read_traffic(directory) if has_traffic(directory) else None
    rows = read_matrix(directory) if (directory / MATRIX).is_file() else ()
    if recording is None and not rows:
        raise InputError(
            f"{directory}: neither {REQUESTS} nor {MATRIX} is there; docs/calibration.md says what they hold"
        )
    log = directory / SWAP_LOG
    if log.is_file():
        with log.open(encoding="utf-8", errors="replace") as lines:
            return Material(recording, rows, tuple(read_lives(lines, 0)))
    return Material(recording, rows, () if recording is None else recording.lives)


def calibrate(
    material: Material, part: str, seed: int, source: str, known: Mapping[str, Sizes] | None = None
) -> Calibration:
    """Fit everything. Of the traffic only `part` counts (see `toolkit.measure.parts`); of the matrix all.

    `known` are the sizes of models that neither a matrix nor a log says, as a config describes them. None: a size that
    nothing says is taken from the model's loads.

    Raises:
        UsageError: the config lacks a model whose size nothing else says, or no load of it was seen.
        Inconclusive: there is too little of everything.
    """
    rng = np.random.default_rng(seed)
    recording = material.recording
    chosen = frozenset[int]() if recording is None else numbers_of(recording, part)
    traffic = () if recording is None else recording.lives
    sizes = sizes_of(material.rows, (*material.lives, *traffic), recording)
    asked = {request.model for request in recording.requests} if recording is not None else set()
    by_loads: list[str] = []
    for name in sorted(asked - set(sizes)):
        found = size_by_loads(recording, name) if known is None else known.get(name)
        if found is None:
            raise UsageError(f"{source}: nothing says how large {name} is; name a config with --config that has it")
        sizes[name] = found
        if known is None:
            by_loads.append(name)
    threads = next((life.threads for life in (*traffic, *material.lives) if life.threads), None)
    stops = fit_stops(_stops_seen(material.lives))
    loads = fit_loads(_loads_seen(material, sizes, stops), rng)
    background: tuple[tuple[int, float], ...] = ()
    if recording is not None:
        activity = Activity(spans_of(recording, threads or 1.0))
        background = background_of(recording, activity)
        observed = observed_services(recording, chosen)
    else:
        activity, observed = Activity(()), observed_in_matrix(material.rows)
    file_bytes = {one.name: one.file_bytes for one in sizes.values()}
    services = fit_services(observed, activity, background, file_bytes, rng) if observed else None
    if loads is None and stops is None and services is None:
        raise Inconclusive(f"{source}: too few loads, stops and answers with counters to fit anything to")
    recovered = [life.recovery_s for life in (*material.lives, *traffic) if life.recovery_s is not None]
    return Calibration(
        models=tuple(sizes[name] for name in sorted(sizes, key=lambda name: (sizes[name].file_bytes, name))),
        environment={} if recording is None else recording.environment,
        loads=loads,
        stops=stops,
        services=services,
        answer_s=None if recording is None else median_interval(_answer_s(recording, chosen)),
        client_s=None if recording is None else median_interval(_client_s(recording, chosen)),
        recovery_s=median_interval(recovered),
        threads=threads,
        background=background,
        on_gpu=any(life.vram_bytes for life in (*material.lives, *traffic)),
        source=source,
        sizes_by_loads=tuple(by_loads),
    )


def _stops_seen(lives: Sequence[Life]) -> list[StopSeen]:
    return [
        StopSeen(max(life.size_bytes - (life.vram_bytes or 0), 0), life.gone_ns - life.stop_ns)
        for life in lives
        if life.stop_ns is not None and life.gone_ns is not None and life.size_bytes is not None
    ]


def _loads_seen(material: Material, sizes: Mapping[str, Sizes], stops: Stops | None) -> list[LoadSeen]:
    """Loads of the matrix; without one, those of the traffic beside which nothing else computed.

    A file that is read from disk for the very first time is slower than ever after where the disk is virtual: such
    rows are left out.
    """
    seen = []
    later = any(not row.cached and not row.first_round for row in material.rows)
    for row in material.rows:
        if row.kind == RESIDENT or (row.first_round and later and not row.cached) or row.model not in sizes:
            continue
        stop_ns = 0.0
        if row.before is not None and row.before in sizes:
            stop_ns = _stop_ns(sizes[row.before].host_bytes, stops)
        one = sizes[row.model]
        buffers = max(one.host_bytes - row.file_bytes, 0)
        seen.append(LoadSeen(row.file_bytes, buffers, row.cached, row.wait_ns - round(stop_ns)))
    if seen or material.recording is None:
        return seen
    activity = Activity(spans_of(material.recording))
    for life in material.recording.lives:
        known = sizes.get(life.model)
        if life.ready_ns is None or known is None or activity.mean_threads(life.start_ns, life.ready_ns) > 1.0:
            continue
        buffers = max(known.host_bytes - known.file_bytes, 0)
        seen.append(LoadSeen(known.file_bytes, buffers, cached=True, duration_ns=life.ready_ns - life.start_ns))
    return seen


def _stop_ns(host_bytes: int, stops: Stops | None) -> float:
    """How long the old model's process took to end: as fitted, or where no log says it, as the twin takes for usual."""
    if stops is None:
        return timing.PROCESS_STOP_NS + timing.STOP_NS_PER_HOST_BYTE * host_bytes
    return (stops.stop_s.estimate + stops.s_per_byte.estimate * host_bytes) * NS_PER_S


def _answer_s(recording: Recording, chosen: frozenset[int]) -> list[float]:
    """What the first byte came later than wait and prompt explain, of answers that did not queue inside the runner."""
    found = outcomes_of(recording)
    taken = []
    for request in recording.requests:
        prompt_ns = request.counters.get("prompt_eval_duration")
        if request.number not in chosen or prompt_ns is None or request.wait_ns is None or not request.answered:
            continue
        # A model that is simply there is looked up, too; on the twin that takes no time.
        wait_ns = 0 if found[request.number].found == "hit" else request.wait_ns
        rest_ns = request.first_byte_ns - request.sent_ns - wait_ns - prompt_ns
        if 0 < rest_ns < LOG_SLACK_NS:
            taken.append(rest_ns / NS_PER_S)
    return taken


def _client_s(recording: Recording, chosen: frozenset[int]) -> list[float]:
    return [
        (request.end_ns - request.sent_ns - request.counters["total_duration"]) / NS_PER_S
        for request in recording.requests
        if request.number in chosen and "total_duration" in request.counters
    ]

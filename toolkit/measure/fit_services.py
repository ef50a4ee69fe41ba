"""What answers cost each model, by the counters: reading a prompt, writing tokens; and how many cores there were.

    reading n tokens          start + n · token + n²/2 · attention
    a step after c tokens     token + c · attention

Each in time with a core of its own: what a service shared with others it did more slowly, see
`toolkit.measure.activity`. The cores are those that leave the least residuals over all services.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from toolkit.host.virtual import Cores
from toolkit.measure.robust import Fit, fit_times
from toolkit.measure.services import services_of
from toolkit.stats.interval import Interval
from toolkit.stats.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolkit.measure.activity import Activity
    from toolkit.measure.matrix import Row
    from toolkit.measure.recording import Recording
    from toolkit.measure.robust import Floats

NS_PER_S = 1e9
CORES = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
NO_WORSE = 1.92
"""Half the chi-square of one parameter at 95 %: a loss that is so much higher may be so by chance."""
DRAGS = (0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2)
ASSUMED_DRAG = 0.06
"""Where a recording cannot tell, since other programs ran all the time or never: what one machine showed."""
LEAST_SHARED = 10
"""Answers that some number of cores would have slowed down by a tenth: fewer do not tell how many there are."""
SHARED = 0.9
BUSIEST = 0.95
VARIED = 2.0
APART_NS = 10**12
FEW = 4
"""A model of which fewer answers are known borrows the shape of its costs from the others."""
STEPS_IN_FULL = 5.0
"""A step's time is known as well as anything from so many on."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One answer with counters: tokens of the prompt and steps after the first token, when they were worked on."""

    number: int
    model: str
    prompt_tokens: int
    steps: int
    begin_ns: int
    read_ns: int
    """When the prompt had been read."""
    end_ns: int


@dataclass(frozen=True, slots=True)
class ModelServices:
    """Costs of a model in seconds: (start, token, attention) of reading, (token, attention) of writing."""

    reading: Fit
    writing: Fit | None
    """None where it wrote nothing."""
    borrowed: bool
    """Too few answers of its own: scaled from other models by the size of the file."""


@dataclass(frozen=True, slots=True)
class Services:
    """All models, and the cores (None: nothing in the recording tells)."""

    models: Mapping[str, ModelServices]
    cores: Cores | None
    cores_interval: Interval | None
    drag_known: bool
    spread: float


def observed_services(recording: Recording, chosen: frozenset[int]) -> tuple[Observed, ...]:
    """The answers with counters among the chosen numbers."""
    services = services_of(recording)
    rows = []
    for request in recording.requests:
        service = services.get(request.number)
        # What a runner had in its cache it did not read, and the counters do not say how much that was.
        if service is None or not service.counted or request.number not in chosen or request.continued_tokens:
            continue
        counters = request.counters
        if request.kind == "embed":
            read_ns = service.end_ns
            begin_ns = service.begin_ns
        else:
            read_ns = service.end_ns - counters.get("eval_duration", 0)
            begin_ns = read_ns - counters.get("prompt_eval_duration", 0)
        if request.prompt_tokens and read_ns > begin_ns:
            steps = max((request.output_tokens or 0) - 1, 0)
            rows.append(
                Observed(request.number, request.model, request.prompt_tokens, steps, begin_ns, read_ns, service.end_ns)
            )
    return tuple(rows)


def observed_in_matrix(rows: Sequence[Row]) -> tuple[Observed, ...]:
    """The answers of a swap matrix, of which only one was ever under way."""
    seen = []
    for place, row in enumerate(rows):
        (prompt_tokens, read_ns), (tokens, write_ns) = row.prompt, row.written
        if prompt_tokens and read_ns:
            begin_ns = place * APART_NS
            read_at_ns = begin_ns + read_ns
            steps = max(tokens - 1, 0)
            seen.append(Observed(place, row.model, prompt_tokens, steps, begin_ns, read_at_ns, read_at_ns + write_ns))
    return tuple(seen)


def fit_services(
    rows: Sequence[Observed],
    activity: Activity,
    background: tuple[tuple[int, float], ...],
    sizes: Mapping[str, int],
    rng: np.random.Generator,
) -> Services:
    """Fit all models, with the number of cores that explains the services best. `sizes`: bytes of each model."""
    most = _most_wanted(rows, activity, background)
    candidates = [Cores(count, 1.0, background) for count in CORES if count <= most]
    losses = [_loss(rows, activity, cores) for cores in candidates]
    slowed = max((int(np.sum(_share(rows, activity, cores) < SHARED)) for cores in candidates), default=0)
    # While other programs ran all the time, fewer cores and a faster machine look the same: most cores, then.
    near = [one for one, loss in zip(candidates, losses, strict=True) if loss <= min(losses) + NO_WORSE]
    cores = near[-1] if slowed >= LEAST_SHARED else None
    drag_known = _background_varies(rows, background)
    if cores is not None:
        drags = [replace(cores, drag=drag) for drag in (DRAGS if drag_known else (ASSUMED_DRAG,))]
        cores = drags[int(np.argmin([_loss(rows, activity, one) for one in drags]))]
    fits = _fit_models(rows, activity, cores, rng)
    interval = None
    if cores is not None:
        interval = Interval(cores.count, near[0].count, near[-1].count, 0.95, slowed)
    residuals = np.concatenate([fit.residuals for one in fits.values() for fit in _parts(one)] or [np.zeros(0)])
    spread = float(np.median(np.abs(residuals)) / 0.6745) if len(residuals) else 0.0
    return Services(_with_borrowed(fits, sizes), cores, interval, drag_known, spread)


def _most_wanted(rows: Sequence[Observed], activity: Activity, background: tuple[tuple[int, float], ...]) -> float:
    """The threads at work during the busiest twentieth of the answers: cores beyond that would not have shown."""
    wanted = [
        activity.mean_threads(row.begin_ns, row.read_ns) + _background_at(background, row.begin_ns) for row in rows
    ]
    return max(1.0, round(quantile(sorted(wanted), BUSIEST))) if wanted else 1.0


def _background_at(background: tuple[tuple[int, float], ...], at_ns: int) -> float:
    return next((threads for since_ns, threads in reversed(background) if since_ns <= at_ns), 0.0)


def _background_varies(rows: Sequence[Observed], background: tuple[tuple[int, float], ...]) -> bool:
    """Only answers with and without other programs beside them tell what the others cost."""
    beside = [_background_at(background, row.begin_ns) >= 1 for row in rows]
    return LEAST_SHARED <= sum(beside) <= len(beside) - LEAST_SHARED


def _parts(services: ModelServices) -> list[Fit]:
    return [services.reading] if services.writing is None else [services.reading, services.writing]


def _share(rows: Sequence[Observed], activity: Activity, cores: Cores) -> Floats:
    """Work done over time taken, for each row's reading."""
    begin = np.array([row.begin_ns for row in rows], dtype=float)
    end = np.array([row.read_ns for row in rows], dtype=float)
    done: Floats = activity.work_ns(cores, begin, end) / (end - begin)
    return done


def _loss(rows: Sequence[Observed], activity: Activity, cores: Cores) -> float:
    """Laplace's negative logarithmic likelihood of all residuals, which few outliers do not rule."""
    fits = _fit_models(rows, activity, cores, None)
    residuals = np.concatenate([fit.residuals for one in fits.values() for fit in _parts(one)] or [np.zeros(1)])
    return float(len(residuals) * np.log(max(np.mean(np.abs(residuals)), 1e-9)))


def _fit_models(
    rows: Sequence[Observed], activity: Activity, cores: Cores | None, rng: np.random.Generator | None
) -> dict[str, ModelServices]:
    fits = {}
    for model in sorted({row.model for row in rows}):
        own = [row for row in rows if row.model == model]
        prompts = np.array([row.prompt_tokens for row in own], dtype=float)
        read_s = _work_s(own, activity, cores, lambda row: (row.begin_ns, row.read_ns))
        terms = np.column_stack([np.ones(len(own)), prompts, prompts**2 / 2])
        if prompts.max() < VARIED * prompts.min():
            terms[:, [0, 2]] = 0.0  # prompts of one length do not tell the terms apart
        reading = fit_times(terms, read_s, np.ones(len(own)), rng)
        wrote = [row for row in own if row.steps > 0 and row.end_ns > row.read_ns]
        writing = None
        if wrote:
            steps = np.array([row.steps for row in wrote], dtype=float)
            before = np.array([row.prompt_tokens + (row.steps + 1) / 2 for row in wrote])
            step_s = _work_s(wrote, activity, cores, lambda row: (row.read_ns, row.end_ns)) / steps
            terms = np.column_stack([np.ones(len(wrote)), before])
            if before.max() < VARIED * before.min():
                terms[:, 1] = 0.0
            writing = fit_times(terms, step_s, steps / (steps + STEPS_IN_FULL), rng)
        fits[model] = ModelServices(reading, writing, borrowed=False)
    return fits


def _work_s(
    rows: Sequence[Observed], activity: Activity, cores: Cores | None, ends: Callable[[Observed], tuple[int, int]]
) -> Floats:
    """Seconds of a core of its own between two moments of each row."""
    moments = np.array([ends(row) for row in rows], dtype=float)
    begin, end = moments[:, 0], moments[:, 1]
    return (end - begin if cores is None else activity.work_ns(cores, begin, end)) / NS_PER_S


def _with_borrowed(fits: Mapping[str, ModelServices], sizes: Mapping[str, int]) -> dict[str, ModelServices]:
    """Models with few answers of their own get the costs of the nearest in size, in proportion to the files."""
    known = {
        model: one
        for model, one in fits.items()
        if model in sizes and one.writing is not None and one.reading.terms[0].count >= FEW
    }
    done = dict(fits)
    for model, size in sizes.items():
        one = fits.get(model)
        if not known or (one is not None and (one.reading.terms[0].count >= FEW or one.writing is None)):
            continue
        nearest = min(known, key=lambda other: abs(np.log(sizes[other] / size)))
        factor = size / sizes[nearest]
        writing = known[nearest].writing
        done[model] = ModelServices(
            _scaled(known[nearest].reading, factor),
            None if writing is None else _scaled(writing, factor),
            borrowed=True,
        )
    return done


def _scaled(fit: Fit, factor: float) -> Fit:
    terms = tuple(
        Interval(term.estimate * factor, term.low * factor, term.high * factor, term.level, 0) for term in fit.terms
    )
    return Fit(terms, np.zeros(0), fit.spread)

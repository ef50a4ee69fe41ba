"""From a trace file to a plan."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from toolkit.config.durations import format_duration
from toolkit.errors import InputError
from toolkit.workload.plan import Plan, PlannedRequest
from toolkit.workload.traces import alibaba_genai, azure, burstgpt, clients, jsonl, mooncake
from toolkit.workload.traces.latest import read_latest
from toolkit.workload.traces.models import MappingError
from toolkit.workload.traces.rows import read_trace_text
from toolkit.workload.traces.told import empty, unknown, unlike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from toolkit.workload.traces.models import ModelMap
    from toolkit.workload.traces.rows import TraceRow, TraceText


_GUESSED_FROM_BYTES = 1 << 20
"""A description of clients is shorter, and of lists the first line says enough."""
CLIENT_MIX = "client-mix"
"""The format that is drawn: another seed is other traffic."""


@dataclass(frozen=True, slots=True)
class TraceFormat:
    """One kind of file: its name for `--format`, how to know it, how to read it.

    `is_plain`: lines of JSON with their moments, so that the end of a long one can be read alone. `read` gets the file
    and the seed, which only matters to a file that describes traffic instead of listing it, and gives the rows and the
    sentences that a reader of results must know of this file; `notes` are true of all files of the format. `marks` are
    the columns or keys of its first line, and `has_header` says that no request stands there.
    """

    name: str
    recognises: Callable[[TraceText], bool]
    read: Callable[[TraceText, int], tuple[tuple[TraceRow, ...], tuple[str, ...]]]
    notes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    has_header: bool = False
    is_plain: bool = False


_FORMATS = (
    TraceFormat(
        "azure",
        lambda source: azure.recognises(source.first_line()),
        lambda source, _seed: (tuple(azure.read_rows(source)), ()),
        notes=azure.NOTES,
        marks=azure.COLUMNS,
        has_header=True,
    ),
    TraceFormat(
        "mooncake",
        lambda source: mooncake.recognises(source.first_line()),
        lambda source, _seed: (tuple(mooncake.read_rows(source)), ()),
        notes=mooncake.NOTES,
        marks=mooncake.KEYS,
    ),
    TraceFormat(
        "alibaba-genai",
        lambda source: alibaba_genai.recognises(source.first_line()),
        lambda source, _seed: (tuple(alibaba_genai.read_rows(source)), ()),
        notes=alibaba_genai.NOTES,
        marks=alibaba_genai.COLUMNS,
        has_header=True,
    ),
    TraceFormat(
        "burstgpt",
        lambda source: burstgpt.recognises(source.first_line()),
        lambda source, _seed: burstgpt.read(source),
        notes=burstgpt.NOTES,
        marks=burstgpt.COLUMNS,
        has_header=True,
    ),
    TraceFormat(
        "jsonl",
        lambda source: jsonl.recognises(source.first_line()),
        lambda source, _seed: jsonl.read(source),
        marks=jsonl.MARKS,
        is_plain=True,
    ),
    TraceFormat(CLIENT_MIX, clients.recognises, clients.read, marks=clients.KEYS),
)
FORMATS = tuple(each.name for each in _FORMATS)
"""What `--format` takes."""
_MARKS = {each.name: each.marks for each in _FORMATS}


def load_trace(
    path: Path,
    format: str,  # noqa: A002 - the name of the option
    *,
    models: ModelMap,
    seed: int,
    speed: float = 1.0,
    service_scale: float = 1.0,
    limit: int | None = None,
    duration_ns: int | None = None,
    last_ns: int | None = None,
) -> Plan:
    """Read a trace; every request keeps its moment after the first one, and asks for a model by name.

    Args:
        path: the file.
        format: one of `FORMATS`.
        models: how the trace's models become the host's.
        seed: for models that are dealt out and a client mix; also the plan's.
        speed: 2 halves every gap between arrivals; answers take as long as before.
        service_scale: factor on the service times of a trace that knows them.
        limit: at most so many requests, the earliest.
        duration_ns: only what arrives earlier than this after the first request, on the trace's own clock.
        last_ns: only what arrives at most so long before the last request. Of a plain trace no more is kept in memory.

    Raises:
        InputError: the file cannot be read as this format, the options leave nothing, or the map does not fit.
    """
    kind = _format(format)
    _check_options(speed, service_scale, limit, duration_ns)
    if last_ns is not None and last_ns < 1:
        raise InputError("--since leaves no request of the trace; give more than 0s")
    source = read_trace_text(path) if last_ns is None or not kind.is_plain else read_latest(path, last_ns)
    if not kind.recognises(source):
        raise source.error(1, _not_this_format(kind, source))
    every, read_notes = kind.read(source, seed)
    if not every:
        raise source.error(1, empty(read_notes, has_header=kind.has_header))
    ordered, order_notes = _in_order_of_arrival(every)
    rows, since_notes = _latest(ordered, last_ns)
    found = len(rows)
    rows = rows[:limit]
    first_ns = rows[0].at_ns
    if duration_ns is not None:
        rows = tuple(row for row in rows if row.at_ns - first_ns < duration_ns)
    try:
        assigned = models.assign(rows, seed)
    except MappingError as error:
        raise source.error(error.line, str(error)) from None
    requests = _requests(rows, assigned.models, Fraction(speed), Fraction(service_scale))
    return Plan(
        name=path.stem,
        description=f"{len(requests)} requests of a trace ({kind.name})",
        requests=requests,
        duration_ns=requests[-1].at_ns or 0,
        seed=seed,
        slos=(),
        source=str(path),
        source_sha256=source.sha256,
        notes=(
            *source.notes,
            *kind.notes,
            *read_notes,
            *since_notes,
            *assigned.notes,
            *order_notes,
            *_option_notes(speed, service_scale, len(rows), found),
        ),
    )


def guess_format(path: Path) -> str:
    """The format that a file seems to have. Raises InputError if it cannot be read, or if it is none of ours."""
    source = read_trace_text(path, _GUESSED_FROM_BYTES)
    guess = _guess(source)
    if guess is None:
        raise source.error(1, unknown(source, _MARKS))
    return guess


def _guess(source: TraceText) -> str | None:
    return next((each.name for each in _FORMATS if each.recognises(source)), None)


def _format(name: str) -> TraceFormat:
    for each in _FORMATS:
        if each.name == name:
            return each
    close = difflib.get_close_matches(name, FORMATS, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise InputError(f"unknown trace format {name!r}; allowed: {', '.join(FORMATS)}{hint}")


def _not_this_format(kind: TraceFormat, source: TraceText) -> str:
    guess = _guess(source)
    if guess is not None:
        return f"not a trace of the format {kind.name}: this looks like {guess}; use --format {guess}"
    return unlike(source, kind.name, kind.marks)


def _check_options(speed: float, service_scale: float, limit: int | None, duration_ns: int | None) -> None:
    for name, factor in (("speed", speed), ("service scale", service_scale)):
        if not 1e-6 <= factor <= 1e6:  # noqa: PLR2004 - also refuses NaN
            raise InputError(f"the {name} is {factor:g}; give a factor above 0, at most 1000000")
    if limit is not None and limit < 1:
        raise InputError(f"the limit is {limit} requests; give at least 1")
    if duration_ns is not None and duration_ns < 1:
        raise InputError("the duration leaves no request of the trace; give more than 0s")


def _in_order_of_arrival(rows: tuple[TraceRow, ...]) -> tuple[tuple[TraceRow, ...], tuple[str, ...]]:
    """Rows by moment, those of one moment in file order; a sentence if that moved any."""
    ordered = tuple(sorted(rows, key=lambda row: row.at_ns))
    moved = sum(one is not other for one, other in zip(rows, ordered, strict=True))
    return ordered, (f"{moved} rows stood out of order in the file and were sorted by time.",) if moved else ()


def _latest(rows: tuple[TraceRow, ...], last_ns: int | None) -> tuple[tuple[TraceRow, ...], tuple[str, ...]]:
    """The rows, in order, of the time before the last of them, and a sentence about it."""
    if last_ns is None:
        return rows, ()
    kept = tuple(row for row in rows if row.at_ns >= rows[-1].at_ns - last_ns)
    told = format_duration(last_ns)
    return kept, (f"Only the last {told} of the trace, counted back from its last request: {len(kept)} requests.",)


def _requests(
    rows: Sequence[TraceRow], models: Sequence[str], speed: Fraction, service_scale: Fraction
) -> tuple[PlannedRequest, ...]:
    """Exact integer arithmetic, so that a long trace does not lose its nanoseconds."""
    first_ns = rows[0].at_ns
    gap_over, gap_under = speed.denominator, speed.numerator
    service_over, service_under = service_scale.numerator, service_scale.denominator
    return tuple(
        PlannedRequest(
            id=row.id or f"line{row.line}",
            at_ns=(row.at_ns - first_ns) * gap_over // gap_under,
            after=None,
            think_ns=0,
            text=row.text,
            system=row.system,
            prompt_tokens=row.prompt_tokens,
            shared_prefix_tokens=row.shared_prefix_tokens,
            output_tokens=row.output_tokens,
            model=model,
            label=None,
            session=row.session,
            service_ns=None if row.service_ns is None else row.service_ns * service_over // service_under,
            options=row.options,
            keep_alive_ns=row.keep_alive_ns,
            priority=row.priority,
        )
        for row, model in zip(rows, models, strict=True)
    )


def _option_notes(speed: float, service_scale: float, used: int, found: int) -> Iterator[str]:
    if used < found:
        yield f"Only the first {used} of {found} requests are played."
    if speed != 1:
        yield f"The trace is played {speed:g} times as fast as it was recorded."
    if service_scale != 1:
        yield f"Service times are multiplied by {service_scale:g}."

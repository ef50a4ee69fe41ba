"""A run on disk: one JSON object a line, written as things happen, so that what was measured survives any end.

    {"kind": "run", "schema": 1, "strategy": …, "repetition": …, "provenance": {…}}      first line
    {"kind": "request", …}                                                               one a record
    {"kind": "residency", …}                                                             one a span
    {"kind": "client", …}                                                                at most one: did it keep up?
    {"kind": "end", "end_ns": …, "complete": true}                                       last line

A file without its last line is a run that was cut short: it reads back with `complete` False and everything up to
the last whole line.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from toolkit.errors import InputError, unreadable
from toolkit.replacing import replacing
from toolkit.replay.records import ClientHealth, Provenance, RequestRecord, ResidencySpan, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

T = TypeVar("T", RequestRecord, ResidencySpan, Provenance, ClientHealth)

SCHEMA = 1
RUN_FILE = "run.jsonl"
_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in (RequestRecord, ResidencySpan, ClientHealth)}
_VALUES = {kind: attrgetter(*names) for kind, names in _NAMES.items()}
_LINE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # `dumps` makes one each time


class RunWriter:
    """A sink that writes line by line to an open text file; each line is flushed before the call returns."""

    def __init__(self, file: TextIO, strategy: str, repetition: int, provenance: Provenance, **more: object) -> None:
        """`more` are further keys of the first line, which readers of a run do not look at."""
        self._file = file
        self.strategy = strategy
        self.repetition = repetition
        self.provenance = provenance
        header = {"kind": "run", "schema": SCHEMA, "strategy": strategy, "repetition": repetition, **more}
        self._line({**header, "provenance": asdict(provenance)})

    def record(self, record: RequestRecord) -> None:
        """Append one request."""
        self._line({"kind": "request", **_as_dict(record)})

    def span(self, span: ResidencySpan) -> None:
        """Append one span of residency."""
        self._line({"kind": "residency", **_as_dict(span)})

    def client(self, health: ClientHealth) -> None:
        """Append what the client found out about itself."""
        self._line({"kind": "client", **_as_dict(health)})

    def end(self, end_ns: int, *, complete: bool) -> None:
        """Append the last line."""
        self._line({"kind": "end", "end_ns": end_ns, "complete": complete})

    def _line(self, value: dict[str, Any]) -> None:
        self._file.write(_LINE.encode(value) + "\n")
        self._file.flush()


def write_run(run: Run, directory: Path) -> Path:
    """Write a finished run into `directory` (made if absent); returns the file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / RUN_FILE
    with replacing(path) as partial, partial.open("x", encoding="utf-8", errors="backslashreplace") as file:
        writer = RunWriter(file, run.strategy, run.repetition, run.provenance)
        for record in run.records:
            writer.record(record)
        for span in run.residency:
            writer.span(span)
        if run.client is not None:
            writer.client(run.client)
        writer.end(run.end_ns, complete=run.complete)
    return path


def read_run(path: Path) -> Run:
    """Read a run from its file, or from the directory that holds it.

    Raises:
        InputError: not there, not a run, or a line in the middle is broken (a last line cut short is an early end).
    """
    file = path / RUN_FILE if path.is_dir() else path
    runs = list(read_runs(file))
    if len(runs) > 1:
        raise InputError(f"{file}: {len(runs)} runs in one file; `hotswap runs import` takes them all")
    return runs[0][0]


def read_runs(file: Path) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Every run of a file, one after the other, each with its first line; an export may hold several.

    Raises:
        InputError: as `read_run`.
    """
    group: list[tuple[int, dict[str, Any]]] = []
    for number, row in _rows(file):
        if row.get("kind") == "run" and group:
            yield _assemble(file, group), group[0][1]
            group = []
        group.append((number, row))
    yield _assemble(file, group), group[0][1]


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines of a file as objects, with their numbers."""
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                row = _row(file, number, line)
                if row is not None:
                    yield number, row
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: not a readable run: {unreadable(error)}") from error


def _row(file: Path, number: int, line: str) -> dict[str, Any] | None:
    """A line as an object; None for an empty one and for a last one that the writer had no time to finish."""
    if not line.strip():
        return None
    try:
        row = json.loads(line)
    except ValueError as error:
        if not line.endswith("\n"):
            return None
        raise InputError(f"{file}:{number}: not a JSON object; the run file is damaged there") from error
    if not isinstance(row, dict):
        raise InputError(f"{file}:{number}: not a JSON object; a run has one a line")
    return row


def last_known_ns(records: Sequence[RequestRecord]) -> int:
    """The end of a run of which nobody saw the end: that of its last request."""
    return max((record.done_ns or record.intended_ns for record in records), default=0)


def _assemble(file: Path, rows: list[tuple[int, dict[str, Any]]]) -> Run:
    if not rows or rows[0][1].get("kind") != "run":
        raise InputError(f"{file}:1: this is not a run; a run begins with a line of kind `run`")
    first, head = rows[0]
    if head.get("schema") != SCHEMA:
        raise InputError(f"{file}:{first}: a run of schema {head.get('schema')!r}; this version reads schema {SCHEMA}")
    records: list[RequestRecord] = []
    spans: list[ResidencySpan] = []
    client: ClientHealth | None = None
    end: dict[str, Any] | None = None
    for number, row in rows[1:]:
        kind = row.pop("kind", None)
        try:
            if kind == "request":
                records.append(_from_dict(RequestRecord, row))
            elif kind == "residency":
                spans.append(_from_dict(ResidencySpan, row))
            elif kind == "client":
                client = _from_dict(ClientHealth, row)
            elif kind == "end":
                end = row
            else:
                raise InputError(
                    f"{file}:{number}: a line of kind {kind!r}; known are request, residency, client and end"
                )
        except TypeError as error:
            raise InputError(f"{file}:{number}: not a {kind} of schema {SCHEMA}: {error}") from error
    try:
        provenance = _from_dict(Provenance, head["provenance"])
        strategy, repetition = str(head["strategy"]), int(head["repetition"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{file}:{first}: not the first line of a run of schema {SCHEMA}: {error}") from error
    return Run(
        strategy=strategy,
        repetition=repetition,
        records=tuple(records),
        residency=tuple(spans),
        end_ns=int(end["end_ns"]) if end else last_known_ns(records),
        complete=bool(end and end["complete"]),
        provenance=provenance,
        client=client,
    )


def _as_dict(record: RequestRecord | ResidencySpan | ClientHealth) -> dict[str, Any]:
    """The fields of a flat record in order; far cheaper than `asdict`, which copies deeply."""
    kind = type(record)
    return dict(zip(_NAMES[kind], _VALUES[kind](record), strict=True))


def _from_dict(cls: type[T], row: dict[str, Any]) -> T:
    return cls(**{key: _frozen(value) for key, value in row.items()})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value

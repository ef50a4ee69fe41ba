"""What every trace is read into: rows, and the sentences for what cannot be read."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_DIGITS = 15
_MOST_NUMBER = 10**_MOST_DIGITS
_SHOWN_LENGTH = 40


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One request of a trace.

    `line` is 1-based. `at_ns` counts from any origin of the trace's own. `model` is the trace's name for it, None if
    the format has none (an empty name is a model). `session` ties requests of one conversation or user. `service_ns` is
    how long the answer took, where the trace knows. `options` and `keep_alive_ns` are what the client sent; `text` is
    the last user message; a higher `priority` is more urgent. `id` is the request's own where lines do not tell.
    """

    line: int
    at_ns: int
    prompt_tokens: int
    output_tokens: int
    model: str | None
    session: str | None
    shared_prefix_tokens: int
    service_ns: int | None
    text: str = ""
    system: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    keep_alive_ns: int | None = None
    priority: int = 0
    id: str | None = None


@dataclass(frozen=True, slots=True)
class TraceText:
    """A trace file's text without its byte order mark, `sha256` of its bytes, and its name for messages.

    `before`: so many lines of the file stand before the text, and are not part of it. `notes` say what was read.
    """

    file: str
    text: str
    sha256: str
    before: int = 0
    notes: tuple[str, ...] = ()

    def error(self, line: int, text: str) -> InputError:
        """The complaint about one line, counted from 1 in the text."""
        return InputError(f"{self.file}:{self.before + line}: {text}")

    def first_line(self) -> str:
        """The header, or the first record of a format without one."""
        return self.text.partition("\n")[0].strip()


def read_trace_text(path: Path, most_bytes: int = -1) -> TraceText:
    """Read a whole trace file, or the whole lines of its first bytes; UTF-8, with or without a byte order mark.

    Raises:
        InputError: it cannot be read, is empty, or is not text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes)
            if len(data) == most_bytes:
                data = data.rpartition(b"\n")[0] or data + file.readline()
    except OSError as error:
        raise unreadable(path, error) from None
    text = decoded(path, data)
    if not text.strip():
        raise InputError(f"{path}:1: the trace is empty; it needs at least one request")
    return TraceText(str(path), text, hashlib.sha256(data).hexdigest())


def unreadable(path: Path, error: OSError) -> InputError:
    """The complaint about a file that the system does not give."""
    reason = (error.strerror or type(error).__name__).lower()
    return InputError(f"{path}: cannot read the trace: {reason}; check the path")


def decoded(path: Path, data: bytes, before: int = 0) -> str:
    """The bytes as text; `before` lines stand before them. Raises InputError if they are not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = before + data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: found bytes that are not UTF-8 text; unpack or convert the file") from None


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """One line of a CSV trace; reads its fields, or complains about them with line, column, found and expected."""

    source: TraceText
    line: int
    fields: tuple[str, ...]
    columns: tuple[str, ...]

    def text(self, column: int) -> str:
        """A field as it stands."""
        return self.fields[column]

    def count(self, column: int) -> int:
        """A whole number, at least 0."""
        field = self.fields[column]
        if not (field.isascii() and field.isdigit()) or len(field) > _MOST_DIGITS:
            raise self.wrong(column, "a whole number, at least 0")
        return int(field)

    def amount(self, column: int) -> float:
        """A number, at least 0; fractions allowed."""
        field = self.fields[column]
        try:
            value = float(field)
        except ValueError:
            value = -1.0
        if not 0 <= value <= _MOST_NUMBER:
            raise self.wrong(column, "a number, at least 0")
        return value

    def wrong(self, column: int, expected: str) -> InputError:
        """The complaint about one field."""
        return self.source.error(self.line, f"{self.columns[column]}: found {shown(self.fields[column])}; {expected}")


def csv_records(source: TraceText, columns: tuple[str, ...]) -> Iterator[CsvRecord]:
    """The records below the header, with the fields of `columns` in that order; blank lines are passed over.

    Raises:
        InputError: a column is missing, a line has too few or too many fields, or quoting is broken.
    """
    reader = csv.reader(io.StringIO(source.text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader)]
        places = []
        for column in columns:
            if column not in header:
                raise source.error(1, f"the column {column} is missing; found {', '.join(header)}")
            places.append(header.index(column))
        for fields in reader:
            if not fields:
                continue
            if len(fields) != len(header):
                raise source.error(reader.line_num, f"found {len(fields)} fields; the header has {len(header)}")
            yield CsvRecord(source, reader.line_num, tuple(fields[place].strip() for place in places), columns)
    except csv.Error as error:
        raise source.error(reader.line_num, f"not a line of a CSV file: {error}") from None


def header_names(first_line: str) -> frozenset[str]:
    """The column names in a CSV header, to tell formats apart."""
    return frozenset(name.strip(' "') for name in first_line.split(","))


def shown(value: object) -> str:
    """What was found, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"

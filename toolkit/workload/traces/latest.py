"""The end of a plain trace, however long the trace is: what came in its last week, read without keeping the rest.

Lines may stand in any order, so the file is gone through twice, a line at a time: once for the latest moment, once for
the first line within the time before it. From that line on it is read as every trace is. A file that was rotated
(`trace.jsonl.1`, `.2`, … as logrotate names them) belongs to it where the time reaches back so far.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.config.durations import NS_PER_S
from toolkit.errors import InputError
from toolkit.workload.traces.rows import TraceText, decoded, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

_FIRST_FIELD = re.compile(rb'\s*\{\s*"at_ns"\s*:\s*([0-9]{1,20})\s*[,}]')
"""How `record` and the gateway begin their lines; lines of others are parsed."""


def read_latest(path: Path, last_ns: int) -> TraceText:
    """The lines of a plain trace from the first one that is at most `last_ns` before the latest moment.

    Raises:
        InputError: it cannot be read, has no moment in it, or is not text.
    """
    try:
        latest_ns = _latest_ns(path)
        if latest_ns is None:
            raise InputError(f"{path}:1: the trace is empty; it needs at least one request")
        return _joined(path, latest_ns - last_ns)
    except OSError as error:
        raise unreadable(path, error) from None


@dataclass(frozen=True, slots=True)
class _Part:
    """The end of one file; `before` lines of it stand before that end."""

    path: Path
    data: bytes
    before: int


def _joined(path: Path, from_ns: int) -> TraceText:
    parts = [_end_of(path, from_ns)]
    for older in _rotated(path):
        if parts[-1].before:
            break
        parts.append(_end_of(older, from_ns))
    told = [part for part in reversed(parts) if part.data.strip()]
    names = [part.path.name for part in told[:-1]]
    note = (f"The time asked for begins before {path.name}: {', '.join(names)} is played as well.",) if names else ()
    data = b"".join(part.data if part.data.endswith(b"\n") or part is told[-1] else part.data + b"\n" for part in told)
    before = told[0].before
    return TraceText(str(path), decoded(path, data, before), hashlib.sha256(data).hexdigest(), before, note)


def _latest_ns(path: Path) -> int | None:
    with path.open("rb") as file:
        return max((moment for line in file if (moment := _moment_ns(line)) is not None), default=None)


def _end_of(path: Path, from_ns: int) -> _Part:
    before = start = 0
    with path.open("rb") as file:
        for line in file:
            if not _is_older(line, from_ns):
                break
            before += 1
            start += len(line)
        file.seek(start)
        return _Part(path, file.read(), before)


def _is_older(line: bytes, from_ns: int) -> bool:
    """Whether a line can be left out; one that says no moment is left out with those around it."""
    moment_ns = _moment_ns(line)
    return moment_ns is None or moment_ns < from_ns


def _moment_ns(line: bytes) -> int | None:
    found = _FIRST_FIELD.match(line)
    if found is not None:
        return int(found[1])
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    for name, factor in (("at_ns", 1), ("at_s", NS_PER_S)):
        moment = value.get(name)
        if isinstance(moment, int | float) and not isinstance(moment, bool):
            return round(moment * factor)
    return None


def _rotated(path: Path) -> Iterable[Path]:
    """The files that it was before, the newest first."""
    return takewhile(Path.is_file, (path.with_name(f"{path.name}.{number}") for number in count(1)))

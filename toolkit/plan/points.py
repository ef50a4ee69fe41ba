"""Finished points in a file, so that none is computed twice: one JSON line each, added as it is finished.

A line is written with one call, so a process that is killed leaves at most one torn line, which is ignored and
computed again. The key of a point is a digest of everything that decides it; lines of other versions are passed by.
The file may be deleted at any time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.errors import UsageError
from toolkit.plan.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Points(Protocol):
    """Where finished points are kept."""

    def get(self, key: str) -> Tally | None:
        """What is known of a point, or None."""
        ...

    def put(self, key: str, tally: Tally) -> None:
        """Keep a finished point."""
        ...


class KnownPoints:
    """In memory only."""

    def __init__(self, known: Iterable[tuple[str, Tally]] = ()) -> None:
        self._known = dict(known)

    def get(self, key: str) -> Tally | None:
        """What is known of a point, or None."""
        return self._known.get(key)

    def put(self, key: str, tally: Tally) -> None:
        """Keep a finished point."""
        self._known[key] = tally


class PointFile:
    """In a file, too. One process writes; others may write to the same file at the same time, line by line."""

    def __init__(self, path: Path) -> None:
        """Raises UsageError if the file cannot be read or written."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path}: cannot keep finished points ({error.strerror}); see --points") from error
        self._known = KnownPoints(found for line in data.split(b"\n") if (found := _read(line)) is not None)
        if data and not data.endswith(b"\n"):
            self._file.write(b"\n")  # ends the torn line of a process that was killed

    def get(self, key: str) -> Tally | None:
        """What is known of a point, or None."""
        return self._known.get(key)

    def put(self, key: str, tally: Tally) -> None:
        """Keep a finished point; it survives this process."""
        self._known.put(key, tally)
        self._file.write(json.dumps({"key": key, "tally": asdict(tally)}, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Nothing is written after this."""
        self._file.close()


def _read(line: bytes) -> tuple[str, Tally] | None:
    """One line; None for one that is torn or not ours."""
    try:
        told: dict[str, Any] = json.loads(line)
        given: dict[str, Any] = told["tally"]
        values = {field.name: _tuples(given[field.name]) for field in fields(Tally)}
        return str(told["key"]), Tally(**values)
    except (ValueError, KeyError, TypeError):
        return None


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value

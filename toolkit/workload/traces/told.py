"""What to say of a file that cannot be played as a trace: what it looks like instead, and what it lacks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from toolkit.config.kinds import kind_of_text
from toolkit.workload.traces.rows import header_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.workload.traces.rows import TraceText

_SHOWN_START = 60
_MOST_OF_A_DESCRIPTION = 1 << 20
"""Scenarios and configs are shorter; longer files are traces."""


def unknown(source: TraceText, marks: Mapping[str, tuple[str, ...]]) -> str:
    """What is said of a file of no known format. `marks`: the columns or keys of each format's first line."""
    names = ", ".join(marks)
    guess = f"not a trace of a known format: found {_start(source)}; formats: {names}, and your own (docs/traces.md)"
    return _other_file(source) or _nearly(source, marks) or guess


def unlike(source: TraceText, name: str, marks: tuple[str, ...]) -> str:
    """What is said of a file that is not of the format that was named, nor of another one."""
    guess = f"not a trace of the format {name}: found {_start(source)}; it has {', '.join(marks)} (docs/traces.md)"
    return _other_file(source) or _nearly(source, {name: marks}) or guess


def empty(found: tuple[str, ...], *, has_header: bool) -> str:
    """What is said of a trace of a known format without a request; `found` is what reading it told."""
    if has_header and not found:
        return "the trace is a header and nothing below it; it needs at least one line with a request"
    return " ".join(("the trace has no requests to play.", *found)).removesuffix(".")


def _nearly(source: TraceText, marks: Mapping[str, tuple[str, ...]]) -> str | None:
    """The format whose names stand in the first line more than those of others, and what it lacks."""
    names = _names(source.first_line())
    nearest = max(marks, key=lambda name: len(names.intersection(marks[name])))
    lacks = [name for name in marks[nearest] if name not in names]
    if not lacks or len(lacks) == len(marks[nearest]):
        return None
    there = "is" if len(lacks) == 1 else "are"
    word = "key" if source.text.lstrip().startswith("{") else "column"
    some = f"the {word} {lacks[0]}" if len(lacks) == 1 else f"the {word}s {', '.join(lacks)}"
    return f"nearly a trace of the format {nearest} (docs/traces.md), but {some} {there} missing"


def _names(first_line: str) -> frozenset[str]:
    """The columns of a CSV header, or the keys of a JSON object."""
    if not first_line.startswith("{"):
        return header_names(first_line)
    try:
        value = json.loads(first_line)
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(value)


def _other_file(source: TraceText) -> str | None:
    """A scenario, a config or another file of the toolkit, with the command that reads it."""
    kind = kind_of_text(source.text) if len(source.text) <= _MOST_OF_A_DESCRIPTION else None
    return None if kind is None else f"this is {kind.name}, not a trace; {kind.use_of(source.file)}"


def _start(source: TraceText) -> str:
    return repr(source.first_line()[:_SHOWN_START])

"""Foreign benchmark results as a side of a comparison: pytest-benchmark's JSON and Go's benchmark text.

Go's format is specified at https://go.googlesource.com/proposal/+/master/design/14313-benchmark-format.md: lines
`BenchmarkName N value unit [value unit]…`, before them configuration lines `key: value`. A metric is named
`BenchmarkName unit`. Units that end in `/s` or `/sec` are better higher, and those of a line `Unit NAME better=higher`.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from toolkit.errors import InputError
from toolkit.gate.side import Series, Side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.stats.decide import Better

_GO_LINE = re.compile(r"^(Benchmark\S*)\s+(\d+)\s+(\S.*)$")
_GO_KEY = re.compile(r"^([a-z][^\s:A-Z]*):\s*(.*)$")
_GO_UNIT = re.compile(r"^Unit\s+(\S+)\s+(.*)$")
_GO_FACTS = ("goos", "goarch", "pkg", "cpu")
_PAIR = 2


def is_pytest_benchmark(document: object) -> bool:
    """Say whether a JSON document is what pytest-benchmark writes."""
    return isinstance(document, dict) and isinstance(document.get("benchmarks"), list)


def pytest_side(label: str, document: Mapping[str, Any]) -> Side:
    """Read the rounds of every benchmark, in seconds.

    Raises:
        InputError: a benchmark has no name, or no numbers.
    """
    machine = document.get("machine_info") or {}
    cpu = (machine.get("cpu") or {}).get("brand_raw")
    facts = [("machine", machine.get("node")), ("cpu", cpu), ("python", machine.get("python_version"))]
    commit = document.get("commit_info") or {}
    shown = (("started", str(document.get("datetime", "?"))), ("commit", str(commit.get("id", "?"))))
    benchmarks = document["benchmarks"]
    names = [one.get("name") for one in benchmarks if isinstance(one, dict)]
    notes: list[str] = []
    series = []
    for number, one in enumerate(benchmarks, 1):
        try:
            name = one["name"] if names.count(one["name"]) == 1 else one["fullname"]
            values, only_median = _rounds(one["stats"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{label}: benchmark {number} is not one of pytest-benchmark's: {error!r}") from error
        if only_median:
            notes.append(f"{label} holds no single rounds; write it with --benchmark-json or --benchmark-save-data")
        series.append(Series(str(name), "s", "size", "lower", (values,)))
    known = tuple((key, str(value)) for key, value in facts if value)
    return Side(label, known, shown, tuple(series), tuple(dict.fromkeys(notes)))


def _rounds(stats: Mapping[str, Any]) -> tuple[tuple[float, ...], bool]:
    data = stats.get("data")
    if data:
        return tuple(_finite(value) for value in data), False
    return (_finite(stats["median"]),), True


def _finite(value: object) -> float:
    number = float(str(value))
    if not math.isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


def is_go_text(text: str) -> bool:
    """Say whether a text has at least one line of a Go benchmark."""
    return any(_GO_LINE.match(line) for line in text.splitlines())


def go_side(label: str, text: str) -> Side:
    """Read every line of every benchmark.

    Raises:
        InputError: a line of a benchmark has no pairs of value and unit.
    """
    facts: dict[str, str] = {}
    shown: dict[str, str] = {}
    units: dict[str, Better] = {}
    found: dict[tuple[str, str], list[float]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if unit := _GO_UNIT.match(line):
            direction = dict(pair.split("=", 1) for pair in unit[2].split() if "=" in pair).get("better")
            if direction in {"higher", "lower"}:
                units[unit[1]] = "higher" if direction == "higher" else "lower"
        elif key := _GO_KEY.match(line):
            (facts if key[1] in _GO_FACTS else shown)[key[1]] = key[2].strip()
        elif result := _GO_LINE.match(line):
            for unit_name, value in _go_values(result[3], f"{label}:{number}"):
                found.setdefault((result[1], unit_name), []).append(value)
    series = tuple(
        Series(f"{name} {unit}", unit, "size", units.get(unit, _usual(unit)), (tuple(values),))
        for (name, unit), values in found.items()
    )
    return Side(label, tuple(facts.items()), tuple(shown.items()), series)


def _go_values(rest: str, where: str) -> list[tuple[str, float]]:
    words = rest.split()
    if len(words) % _PAIR:
        raise InputError(f"{where}: a benchmark's line goes on in pairs of value and unit, this one does not")
    try:
        return [(unit, _finite(value)) for value, unit in zip(words[::2], words[1::2], strict=True)]
    except ValueError as error:
        raise InputError(f"{where}: {error}; a benchmark's line goes on in pairs of value and unit") from error


def _usual(unit: str) -> Better:
    return "higher" if unit.endswith(("/s", "/sec")) else "lower"

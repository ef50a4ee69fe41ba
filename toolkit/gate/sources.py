"""From what a user names (a file, a directory of repeats, a stored run, a tag) to a side of a comparison."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import InputError, UsageError, unreadable
from toolkit.gate.from_benchmarks import go_side, is_go_text, is_pytest_benchmark, pytest_side
from toolkit.gate.from_runs import run_side
from toolkit.gate.side import Side, merged
from toolkit.replay.runfile import RUN_FILE, read_run
from toolkit.store.runs import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.gate.choice import Choice


def open_side(ref: str, choice: Choice, environment: Mapping[str, str]) -> Side:
    """Read one side.

    Raises:
        UsageError: there is no such file and no such run, or its repeats are not alike.
        InputError: a file is none of the three kinds.
    """
    return merged(ref, open_each(ref, choice, environment))


def open_each(ref: str, choice: Choice, environment: Mapping[str, str]) -> tuple[Side, ...]:
    """Read every run of a directory, or of a stored run with its repeats, in order, as sides of their own.

    Raises:
        UsageError, InputError: as `open_side`.
    """
    path = Path(ref)
    if path.is_dir():
        return tuple(_read(file, choice) for file in _files(path))
    if path.exists():
        return (_read(path, choice),)
    if path.suffix or len(path.parts) > 1:
        raise UsageError(f"{ref}: there is no such file")
    with open_store(environment=environment) as store:
        return tuple(run_side(f"{ref} ({row.id})", store.load(row.id), choice.of_runs()) for row in store.repeats(ref))


def _files(directory: Path) -> list[Path]:
    """Runs below the directory, else benchmark results in it; by natural order of their names, 2 before 10."""
    for pattern in (RUN_FILE, "*.jsonl", "*.json", "*.txt", "*.bench"):
        found = sorted(directory.rglob(pattern), key=_natural)
        if found:
            return found
    raise InputError(f"{directory}: no {RUN_FILE}, no benchmark's .json, no benchmark's .txt in it")


def _natural(path: Path) -> list[tuple[int, int | str]]:
    parts = re.split(r"(\d+)", str(path))
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts]


def _read(path: Path, choice: Choice) -> Side:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {unreadable(error)}") from error
    label = str(path)
    if text.lstrip().startswith("{"):
        try:
            document = json.loads(text)
        except ValueError:
            document = None  # several lines of JSON: a run
        if is_pytest_benchmark(document):
            return choice.among(pytest_side(label, document))
        if isinstance(document, dict) and "kind" not in document:
            stored = "runs of `hotswap compare` are in the store: name ids or tags of `hotswap runs list`"
            raise InputError(f"{path}: neither a run nor pytest-benchmark's JSON; {stored}")
        return run_side(label, read_run(path), choice.of_runs())
    if is_go_text(text):
        return choice.among(go_side(label, text))
    raise InputError(f"{path}: neither a run, nor pytest-benchmark's JSON, nor Go benchmark text")

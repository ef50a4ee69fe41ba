"""Loads out of a recorded swap matrix (`swap_matrix.csv`): how fast models really come from where they lie."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from toolkit.errors import InputError, UsageError, unreadable
from toolkit.ops.doctor.evidence import LoadSample

if TYPE_CHECKING:
    from pathlib import Path

NS_PER_S: Final = 1_000_000_000
_NEEDED: Final = ("kind", "to", "file_bytes", "load_duration_s")


def read_samples(path: Path) -> tuple[LoadSample, ...]:
    """Every row that loaded a model while nothing else was in memory.

    Raises:
        UsageError: the file cannot be read.
        InputError: it lacks a column, or a row makes no sense.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {unreadable(error)}; give the swap_matrix.csv of a measurement") from error
    if not rows:
        raise InputError(f"{path}: there is no swap in it; give the swap_matrix.csv of a measurement")
    found = []
    for number, row in enumerate(rows, 2):
        missing = [name for name in _NEEDED if row.get(name) is None]
        if missing:
            raise InputError(f"{path}:{number}: the column {missing[0]} is missing; give a swap_matrix.csv")
        # A swap's load_duration has the end of the other model in it; only loads into empty memory tell of the disk.
        if not row["kind"].startswith("load") or not row["load_duration_s"] or not row["file_bytes"]:
            continue
        try:
            load_ns = round(float(row["load_duration_s"]) * NS_PER_S)
            found.append(LoadSample(row["to"], int(row["file_bytes"]), load_ns))
        except ValueError as error:
            raise InputError(f"{path}:{number}: {error}; give a swap_matrix.csv") from None
    return tuple(found)

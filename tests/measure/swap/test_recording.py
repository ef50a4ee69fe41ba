from __future__ import annotations

import csv
import io
from pathlib import Path  # noqa: TC003 - pytest reads the annotation

from tests.measure.swap.samples import load, resident, swap
from toolkit.measure.swap.matrix import matrix_of
from toolkit.measure.swap.recording import COLUMNS, csv_text


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_columns_are_those_of_a_recording(shared_dir: Path) -> None:
    recorded = (shared_dir / "ollama/golden/timing/swap_matrix.csv").read_text(encoding="utf-8").splitlines()[0]
    assert ",".join(COLUMNS).startswith(recorded)


def test_kinds_and_states() -> None:
    samples = [
        load("a", pages="dropped"),
        load("a", pages="warmed"),
        load("c", read_since=None),
        resident("a"),
        swap(),
        swap(stays=True),
    ]
    written = rows(csv_text(matrix_of(samples, ["a", "b", "c"], None).rows))
    assert [row["kind"] for row in written] == ["load_cold", "load_warm", "load", "resident", "swap", "beside"]
    assert [row["page_cached_before"] for row in written] == ["0.0", "1.0", "", "1.0", "1.0", "1.0"]
    assert [(row["from"], row["to"]) for row in written][3:5] == [("", "a"), ("a", "b")]
    assert written[0]["load_duration_s"] == "1.000000"
    assert written[0]["loadavg1"] == ""
    assert written[2]["cache"] == "unknown"

"""Writes the tables of docs/validation.md anew: python -m tests.conformance.timing.renew (make validation)."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.timing.figures import matrix_figures, trace_figures
from tests.conformance.timing.tables import blocks, renewed
from tests.measure.figures import table, validated

PROJECT_DIR = Path(__file__).resolve().parents[3]
DOCUMENT = PROJECT_DIR / "docs" / "validation.md"

if __name__ == "__main__":
    shared_dir = PROJECT_DIR.parent / "shared"
    tables = blocks(trace_figures(shared_dir), matrix_figures(shared_dir))
    tables["calibrated"] = table(validated(PROJECT_DIR / "tests" / "fixtures" / "timing"))
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8"), tables), encoding="utf-8")

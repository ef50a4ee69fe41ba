"""The page of the gate lists the metrics as they are."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_table_of_metrics_is_current() -> None:
    """If this fails, run `python docs/renew_metrics.py`."""
    spec = importlib.util.spec_from_file_location("renew_metrics", DOCS / "renew_metrics.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (DOCS / "gate.md").read_text(encoding="utf-8")
    assert module.renewed(page) == page
    assert "| `ttft_warm` | ns | lower |" in page

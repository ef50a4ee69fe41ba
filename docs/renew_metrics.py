"""Writes the table of metrics into docs/gate.md, between its two `metrics` marks; from the metrics themselves."""

from __future__ import annotations

import re
from pathlib import Path

from toolkit.metrics.catalogue import METRICS

PAGE = Path(__file__).resolve().parent / "gate.md"


def renewed(page: str) -> str:
    """The page with one row a metric."""
    rows = ["| metric | unit | better | formula | elsewhere |", "|---|---|---|---|---|"]
    rows += [f"| `{one.name}` | {one.unit} | {one.better} | {one.formula} | {one.elsewhere} |" for one in METRICS]
    block = "<!-- metrics -->\n" + "\n".join(rows) + "\n<!-- /metrics -->"
    return re.sub(r"<!-- metrics -->.*?<!-- /metrics -->", lambda _: block, page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

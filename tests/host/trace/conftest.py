"""The bundled recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from toolkit.host.trace.scenario import read_lines

if TYPE_CHECKING:
    from toolkit.host.trace.scenario import Line

RULES = Path(__file__).resolve().parents[2] / "fixtures" / "sched" / "rules.jsonl"


@pytest.fixture(scope="session")
def rules_path() -> Path:
    return RULES


@pytest.fixture(scope="session")
def rules() -> dict[str, Line]:
    """Lines of the hand-made rules by their id."""
    return {line.scenario.id: line for line in read_lines(RULES)}

"""The table "which strategy should I use?" is what `make strategies` would make: one row of it made anew."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

PROJECT = Path(__file__).resolve().parents[2]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("renew_strategies", PROJECT / "docs" / "renew_strategies.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_row_of_a_scenario_is_current_and_every_scenario_has_its_rows() -> None:
    made, page = generator(), (PROJECT / "docs/strategies.md").read_text(encoding="utf-8")
    assert made.row(PROJECT / "scenarios/mostly-idle-house.yaml", 8192, 1.0) in page
    for scenario in (PROJECT / "scenarios").glob("*.yaml"):
        assert page.count(f"\n| {scenario.stem} | ") == 2, "type `make strategies`"
    assert made.renewed(page, "anything") != page

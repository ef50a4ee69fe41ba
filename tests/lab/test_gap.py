"""The tables of docs/lab.md are what the code says today."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="module")
def gap() -> ModuleType:
    """The script; tests are no package, so it is loaded from its place."""
    spec = importlib.util.spec_from_file_location("gap", Path(__file__).with_name("gap.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gap"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.shared
def test_the_page_agrees_with_the_trace(gap: Any, shared_dir: Path, project_dir: Path) -> None:
    uses = gap.uses_of(shared_dir / "data/traces/alibaba_genai_2026_first60.csv")
    page = (project_dir / "docs/lab.md").read_text(encoding="utf-8")
    assert gap.renewed(page, gap.tables(uses)) == page, "renew it: python tests/lab/gap.py"


def test_an_oracle_that_sees_the_next_request_alone_keeps_it(gap: Any) -> None:
    """With one request of foresight the model that comes next is never the victim."""
    assert gap.told("abcbab", gap.by_window("abcbab", 1), 2) == [False, False, False, True, False, True]


def test_an_oracle_of_gaps_drops_who_never_comes_back(gap: Any) -> None:
    assert gap.told("abacadab", gap.by_own_gaps("abacadab", 12), 2)[2::2] == [True, True, True]

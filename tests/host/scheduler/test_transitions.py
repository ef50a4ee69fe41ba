"""The tables of states."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

import pytest

from toolkit.errors import SimulationError
from toolkit.host.scheduler import completion, pending
from toolkit.host.scheduler.transitions import (
    COMPLETION_TRANSITIONS,
    IDLE,
    PENDING_TRANSITIONS,
    STUCK,
    Table,
    Transition,
    mermaid,
)

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def test_a_step_that_is_not_in_the_table_is_a_bug() -> None:
    with pytest.raises(SimulationError, match="cannot do 'fly' while it is 'idle'"):
        Table(PENDING_TRANSITIONS).target("idle", "fly")


@pytest.mark.parametrize(("name", "table"), [("pending", PENDING_TRANSITIONS), ("completion", COMPLETION_TRANSITIONS)])
def test_the_diagrams_in_the_readme_are_current(project_dir: Path, name: str, table: tuple[Transition, ...]) -> None:
    """To renew one, put the text of `mermaid(table)` between its two marks."""
    text = (project_dir / "toolkit" / "host" / "README.md").read_text(encoding="utf-8")
    shown = text.partition(f"<!-- {name} -->\n")[2].partition("<!-- end -->")[0]
    assert shown == f"```mermaid\n{mermaid(table)}\n```\n"


def test_every_state_can_be_reached_and_left() -> None:
    """Except the one that is meant to be the end of everything."""
    for table in (PENDING_TRANSITIONS, COMPLETION_TRANSITIONS):
        states = {step.state for step in table} | {step.target for step in table}
        reached = {IDLE}
        while True:
            further = reached | {step.target for step in table if step.state in reached}
            if further == reached:
                break
            reached = further
        assert reached == states
        assert states - {step.state for step in table} <= {STUCK}


@pytest.mark.parametrize(("module", "table"), [(pending, PENDING_TRANSITIONS), (completion, COMPLETION_TRANSITIONS)])
def test_the_code_takes_exactly_the_steps_of_its_table(module: ModuleType, table: tuple[Transition, ...]) -> None:
    """Nothing in the tables is only on paper: each event is somewhere handed to `_advance`, and no other is."""
    tree = ast.parse(inspect.getsource(module))
    handed = {
        constant.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "_advance"
        for constant in ast.walk(call.args[0])
        if isinstance(constant, ast.Constant)
    }
    assert handed == {step.event for step in table}

"""A history of runs in different settings is none: what changed is the setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.errors import UsageError
from toolkit.gate.alike import check_history
from toolkit.gate.side import Side

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIKE = (("host", "gpu-a"), ("plan", "day"), ("strategy", "ram"), ("complete", "yes"), ("client", "kept up"))


def sides(*changed: Sequence[tuple[str, str]]) -> list[Side]:
    return [
        Side(f"run{number}", tuple({**dict(ALIKE), **dict(facts)}.items()), (), ())
        for number, facts in enumerate(changed)
    ]


def test_runs_that_are_alike_are_a_history() -> None:
    assert check_history(sides((), (), ()), ()) == ()


@pytest.mark.parametrize("key", ["host", "plan", "strategy"])
def test_the_first_run_in_another_setting_is_named(key: str) -> None:
    history = sides((), (), ((key, "another"),), ())
    with pytest.raises(UsageError, match=rf"^run0 and run2: these are not comparable.*--allow.*\n  {key}: .* another$"):
        check_history(history, ())


def test_what_is_allowed_is_said_once() -> None:
    history = sides((), (("host", "gpu-b"),), (("host", "gpu-b"),))
    assert check_history(history, ("host",)) == ("host differs, as allowed: gpu-a against gpu-b",)


@pytest.mark.parametrize("unsound", [("complete", "no"), ("client", "void")])
def test_a_run_that_is_no_measurement_is_no_part_of_a_history(unsound: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match=f"run1 is {unsound[1]}"):
        check_history(sides((), (unsound,)), ())

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from toolkit.measure.swap.bound import Facts, bound_of
from toolkit.measure.swap.cache_state import State

S = 1e9
USUAL = Facts(State.PAGES, state_known=True, load_ns=3 * S, away_ns=1 * S, cached_load_ns=3 * S, on_gpu=True)


@pytest.mark.parametrize(
    ("changed", "bound"),
    [
        ({}, "the bus"),
        ({"on_gpu": False}, "the host's memory"),
        ({"on_gpu": None}, None),
        ({"load_ns": 0.5 * S}, "the server's 250 ms poll"),
        ({"away_ns": 4 * S}, "the eviction"),
        ({"away_ns": None}, "the bus"),
        ({"state": State.DISK, "load_ns": 9 * S}, "the disk"),
        ({"state": State.DISK, "load_ns": 3.2 * S}, "the bus"),
        ({"state": State.DISK, "cached_load_ns": None}, "the disk"),
        ({"state": State.DISK, "cached_load_ns": None, "state_known": False}, None),
        ({"state": State.UNKNOWN}, None),
        ({"state": State.RESIDENT}, None),
        ({"load_ns": None}, None),
    ],
)
def test_the_first_rule_that_applies(changed: dict[str, Any], bound: str | None) -> None:
    assert bound_of(replace(USUAL, **changed)) == bound

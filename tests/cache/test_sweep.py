"""Sweeps: one text, several strategies."""

from __future__ import annotations

import pytest

from toolkit.cache.sweep import expanded
from toolkit.errors import UsageError


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        ("ram", ["ram"]),
        ("lrfu(decay=0.1)", ["lrfu(decay=0.1)"]),
        ("lrfu(decay=0.05|0.1 | 0.2)", ["lrfu(decay=0.05)", "lrfu(decay=0.1)", "lrfu(decay=0.2)"]),
        ("lrfu(decay=0.01..1 x3)", ["lrfu(decay=0.01)", "lrfu(decay=0.1)", "lrfu(decay=1)"]),
        ("lfu(half-life=10..1000 x3)", ["lfu(half-life=10)", "lfu(half-life=100)", "lfu(half-life=1000)"]),
        ("shadow(bound=1m..16m x3)", ["shadow(bound=1m)", "shadow(bound=4m)", "shadow(bound=16m)"]),
        ("steer(policy=lru|lfu(half-life=5|9))", ["steer(policy=lru)", "steer(policy=lfu(half-life=5))",
                                                  "steer(policy=lfu(half-life=9))"]),
        ("lrfu(decay=0.1|0.2)+shadow(bound=1m|2m)", [f"lrfu(decay={decay})+shadow(bound={bound})"
                                                     for decay in ("0.1", "0.2") for bound in ("1m", "2m")]),
        ("lfu(half-life=1..3 x9)", ["lfu(half-life=1)", "lfu(half-life=2)", "lfu(half-life=3)"]),
    ],
)  # fmt: skip
def test_values_alternatives_and_ranges(text: str, specs: list[str]) -> None:
    assert list(expanded(text)) == specs


@pytest.mark.parametrize("text", ["a(k=1..2)", "a(k=1..2 x1)", "a(k=2..1 x3)", "a(k=0..1 x3)", "a(k=x..y x3)",
                                  "a(k=1||2)", "a(k=1..2 x1001)"])  # fmt: skip
def test_what_is_no_sweep_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="found"):
        expanded(text)

"""The policies against an independent implementation, request for request.

Where the two differ by design it is said: there newcomers compete in GDSF, and S3-FIFO refuses what its small queue
cannot hold (so sizes stay below a tenth of the room).
"""

from __future__ import annotations

import csv
import random
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.cache.policies.base import Item
from toolkit.cache.policies.registry import build_policy
from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.spec import parse_spec
from toolkit.lab.cache import Capacity, Use, play

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

libcachesim: Any = pytest.importorskip("libcachesim", reason="libcachesim has no wheel for this platform")

PAIRS = [
    ("lru", "LRU"),
    ("lfu", "LFU"),
    ("gdsf(cost=one, newcomers=compete)", "GDSF"),
    ("s3fifo", "S3FIFO"),
    ("arc(step=one)", "ARC"),
]


def ours(policy: str, names: Sequence[str], items: dict[str, Item], capacity: int) -> list[bool]:
    told: list[bool] = []
    made = build_policy(parse_spec(policy), Surroundings(capacity))
    play((Use(name, 0) for name in names), items, made, Capacity(capacity), on_answer=told.append)
    return told


def theirs(kind: str, names: Sequence[str], items: dict[str, Item], capacity: int) -> list[bool]:
    cache = getattr(libcachesim, kind)(cache_size=capacity, hashpower=12)
    number = {name: at for at, name in enumerate(items, 1)}
    told = []
    for at, name in enumerate(names):
        request = libcachesim.Request(obj_id=number[name], obj_size=items[name].size_bytes)
        request.clock_time = at
        told.append(bool(cache.get(request)))
    return told


@pytest.fixture(scope="module")
def drawn() -> list[str]:
    """Bursts over a slowly moving popularity: repeats, ghosts and promotions all happen."""
    rng = random.Random(7)
    names: list[str] = []
    for burst in range(900):
        favourite = burst // 60 + int(rng.paretovariate(0.6))
        names += [f"m{favourite % 90}"] * rng.randint(1, 6)
    return names


@pytest.mark.parametrize(("policy", "kind"), PAIRS)
@pytest.mark.parametrize("capacity", [20, 40])
def test_equal_on_unit_sizes(policy: str, kind: str, capacity: int, drawn: list[str]) -> None:
    items = {name: Item(name, 1, 1) for name in dict.fromkeys(drawn)}
    assert ours(policy, drawn, items, capacity) == theirs(kind, drawn, items, capacity)


@pytest.mark.parametrize(("policy", "kind"), PAIRS)
@pytest.mark.parametrize("capacity", [90, 200])
def test_equal_on_sizes(policy: str, kind: str, capacity: int, drawn: list[str]) -> None:
    rng = random.Random(3)
    items = {name: Item(name, rng.randint(1, 8), 1) for name in dict.fromkeys(drawn)}
    assert ours(policy, drawn, items, capacity) == theirs(kind, drawn, items, capacity)


@pytest.mark.shared
@pytest.mark.parametrize(("policy", "kind"), PAIRS)
@pytest.mark.parametrize(("largest", "capacity"), [(1, 20), (1, 40), (8, 90), (8, 200)])
def test_equal_on_the_alibaba_trace(shared_dir: Path, policy: str, kind: str, largest: int, capacity: int) -> None:
    with (shared_dir / "data/traces/alibaba_genai_2026_first60.csv").open(encoding="utf-8") as file:
        rows = sorted(
            (row["gmt_create"], at, row["checkpoint_model_version_id"]) for at, row in enumerate(csv.DictReader(file))
        )
    names = [name for _, _, name in rows]
    rng = random.Random(5)
    items = {name: Item(name, rng.randint(1, largest), 1) for name in dict.fromkeys(names)}
    assert ours(policy, names, items, capacity) == theirs(kind, names, items, capacity)

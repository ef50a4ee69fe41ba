"""LRU and the optimum on equal slots, against calculations that share no code with them."""

from __future__ import annotations

import csv
import random
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.work import calls_of
from toolkit.cache.offline_slots import lru_hits, min_hits
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SEQUENCES = st.lists(st.sampled_from("abcdefg"), max_size=40)


def plain_lru(requests: Sequence[str], slots: int) -> int:
    """A list in order of use, searched and shifted."""
    order: list[str] = []
    hits = 0
    for model in requests:
        if model in order:
            hits += 1
            order.remove(model)
        order.append(model)
        del order[:-slots]
    return hits


def plain_min(requests: Sequence[str], slots: int) -> int:
    """At each eviction, walk forward until all but one resident model have been seen: that one goes."""
    resident: set[str] = set()
    hits = 0
    for now, model in enumerate(requests):
        if model in resident:
            hits += 1
            continue
        if len(resident) == slots:
            candidates = set(resident)
            for later in requests[now + 1 :]:
                if len(candidates) == 1:
                    break
                candidates.discard(later)
            resident.remove(min(candidates))
        resident.add(model)
    return hits


@pytest.mark.parametrize(
    ("requests", "slots", "lru", "optimum"),
    [
        ("", 1, 0, 0),
        ("aaa", 1, 2, 2),
        ("abab", 1, 0, 0),
        ("abcabc", 2, 0, 2),  # the classic loop: LRU evicts exactly what comes next
        ("abcabc", 3, 3, 3),
        ("abacba", 2, 1, 2),
    ],
)
def test_sequences_done_by_hand(requests: str, slots: int, lru: int, optimum: int) -> None:
    assert lru_hits(requests, slots) == lru
    assert min_hits(requests, slots) == optimum


@given(SEQUENCES, st.integers(1, 8))
def test_both_agree_with_a_plain_calculation(requests: list[str], slots: int) -> None:
    assert lru_hits(requests, slots) == plain_lru(requests, slots)
    assert min_hits(requests, slots) == plain_min(requests, slots)


@given(SEQUENCES, st.integers(1, 8))
def test_the_optimum_is_between_lru_and_first_uses_and_grows_with_slots(requests: list[str], slots: int) -> None:
    assert lru_hits(requests, slots) <= min_hits(requests, slots) <= len(requests) - len(set(requests))
    assert min_hits(requests, slots) <= min_hits(requests, slots + 1)
    assert lru_hits(requests, slots) <= lru_hits(requests, slots + 1)  # LRU is a stack algorithm


@pytest.mark.parametrize("hits", [lru_hits, min_hits])
def test_no_slots_are_refused(hits: object) -> None:
    assert callable(hits)
    with pytest.raises(UsageError, match="at least 1"):
        hits("abc", 0)


def test_cost_grows_with_the_length_not_with_its_square() -> None:
    draw = random.Random(3)
    models = [f"m{index}" for index in range(78)]
    short = draw.choices(models, k=2_000)
    once, tenfold = (calls_of(partial(min_hits, short * times, 4)) for times in (1, 10))
    assert once > len(short)
    assert tenfold < 12 * once


@pytest.mark.shared
def test_the_alibaba_trace_gives_the_known_counts(shared_dir: Path) -> None:
    """Every row counts, in file order, whatever its status; an empty model is a model."""
    file = shared_dir / "data" / "traces" / "alibaba_genai_2026_first60.csv"
    with file.open(newline="", encoding="utf-8") as rows:
        requests = [row["checkpoint_model_version_id"] for row in csv.DictReader(rows)]
    assert (len(requests), len(set(requests))) == (16_093, 78)
    assert lru_hits(requests, 4) == plain_lru(requests, 4) == 10_478
    assert min_hits(requests, 4) == plain_min(requests, 4) == 12_441

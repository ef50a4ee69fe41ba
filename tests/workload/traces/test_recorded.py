"""The published traces beside the project, read whole."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from toolkit.workload.traces import ByRank, KeepNames, ModelMap, SeededMix, load_trace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from toolkit.workload.plan import Plan

pytestmark = pytest.mark.shared

MIX = SeededMix((("primary", 0.5), ("code", 0.3), ("fast", 0.2)))


@pytest.fixture(scope="module")
def traces(shared_dir: Path) -> Path:
    return shared_dir / "data" / "traces"


def load(traces: Path, kind: str, models: ModelMap) -> Plan:
    name = {
        "azure": "azure_llm_2023_conv.csv",
        "mooncake": "mooncake_conversation.jsonl",
        "alibaba-genai": "alibaba_genai_2026_first60.csv",
    }[kind]
    return load_trace(traces / name, kind, models=models, seed=1)


def models_of(plan: Plan) -> list[str]:
    return [request.model or "" for request in plan.requests]


def change_share(models: Sequence[str]) -> float:
    return sum(one != other for one, other in pairwise(models)) / (len(models) - 1)


@pytest.mark.parametrize(
    ("kind", "models", "requests"),
    [("azure", MIX, 19_366), ("mooncake", MIX, 12_031), ("alibaba-genai", KeepNames(), 16_093)],
)
def test_every_row_is_read_in_order_of_time(traces: Path, kind: str, models: ModelMap, requests: int) -> None:
    plan = load(traces, kind, models)
    assert len(plan.requests) == len({request.id for request in plan.requests}) == requests
    assert all((one.at_ns or 0) <= (other.at_ns or 0) for one, other in pairwise(plan.requests))
    assert [request.id for request in plan.requests] == sorted(
        (request.id for request in plan.requests), key=lambda each: int(each[4:])
    )
    assert all(request.shared_prefix_tokens <= request.prompt_tokens for request in plan.requests)
    assert not [note for note in plan.notes if "out of order" in note]


def test_the_models_of_the_trace_are_seventy_seven_and_an_empty_one(traces: Path) -> None:
    plan = load(traces, "alibaba-genai", KeepNames())
    assert len(set(models_of(plan))) == 78
    assert change_share(models_of(plan)) == pytest.approx(0.7488, abs=5e-5)
    assert sum(request.service_ns is None for request in plan.requests) == 15


def test_the_published_hits_of_a_least_recently_used_cache_come_out(traces: Path) -> None:
    """10,478 hits with four equal slots: the sequence of models is the trace's, row for row."""
    slots: OrderedDict[str, None] = OrderedDict()
    hits = 0
    for model in models_of(load(traces, "alibaba-genai", KeepNames())):
        hits += model in slots
        slots[model] = None
        slots.move_to_end(model)
        if len(slots) > 4:
            slots.popitem(last=False)
    assert hits == 10_478


def test_mapping_by_rank_keeps_more_changes_than_the_ways_it_was_preferred_to(traces: Path) -> None:
    """The numbers in the docstring of `ByRank`."""
    names = models_of(load(traces, "alibaba-genai", KeepNames()))
    by_rank = sorted(set(names), key=lambda name: (-names.count(name), name))
    in_turn = [str(by_rank.index(name) % 3) for name in names]
    top_two = [str(min(by_rank.index(name), 2)) for name in names]
    mapped = load(traces, "alibaba-genai", ByRank(("x", "y", "z")))
    shares = [change_share(each) for each in (models_of(mapped), in_turn, top_two)]
    assert shares == pytest.approx([0.579, 0.538, 0.484], abs=5e-4)
    assert "Consecutive requests change model 74.9% of the time in the trace, 57.9% after the mapping." in mapped.notes


def test_conversations_of_mooncake_share_most_of_their_prompts(traces: Path) -> None:
    plan = load(traces, "mooncake", MIX)
    later = [request for request in plan.requests if request.shared_prefix_tokens]
    assert len({request.session for request in plan.requests}) == 8_056
    assert len(later) == 12_031 - 8_056
    assert len({(request.session, request.model) for request in plan.requests}) == 8_056

"""What fits is asked of `toolkit.fit`, and of nobody else."""

from __future__ import annotations

from toolkit.config.models import Config
from toolkit.plan.case import Case
from toolkit.plan.memory import Memory, Wanted
from toolkit.plan.more_question import apart, placements, second_host
from toolkit.plan.settings_question import KV_CACHE_TYPE, NUM_PARALLEL, candidates, wanted_of, with_settings

GPUS = tuple(Config().twin.gpus)
MODELS = ("deepseek-coder-v2:16b", "qwen2.5:32b", "qwen2.5:7b")
MEMORY = Memory((*MODELS, "unheard-of:1b"))


def test_the_embedded_host_at_its_automatic_context_and_at_a_short_one() -> None:
    assert MEMORY.unknown == ("unheard-of:1b",)
    assert MEMORY.spilling(GPUS, Wanted(None)) == ("qwen2.5:32b",)
    assert MEMORY.spilling(GPUS, Wanted(8192)) == ()
    assert ("deepseek-coder-v2:16b", "qwen2.5:7b") in MEMORY.together(GPUS, Wanted(8192))


def test_candidates_hold_the_longest_request_and_do_not_spill() -> None:
    base = Case("ram")
    cases, left_out = candidates(base, MEMORY, GPUS, needed_tokens=3500)
    assert cases[0] == base
    assert left_out > 0
    assert all(case.num_ctx is None or case.num_ctx >= 1.25 * 3500 for case in cases)
    assert not any(MEMORY.spilling(GPUS, wanted_of(case)) for case in cases[1:])


def test_what_is_the_servers_default_is_not_set() -> None:
    base = Case("ram", environment=((NUM_PARALLEL, "4"),))
    assert with_settings(base, 8192, "f16", 1).environment == ()
    assert with_settings(base, 8192, "q8_0", 2).environment == ((KV_CACHE_TYPE, "q8_0"), (NUM_PARALLEL, "2"))
    assert wanted_of(with_settings(base, 8192, "q8_0", 2)) == Wanted(8192, "q8_0", 2)


def test_placements_name_each_division_once() -> None:
    assert list(placements(["b", "a"])) == [(("a",), ("b",))]
    assert len(list(placements(MODELS))) == 3
    assert len(list(placements(("a", "b", "c", "d")))) == 4 + 3
    assert list(placements(["a"])) == []


def test_the_placement_that_leaves_the_fewest_changes_of_model_comes_first() -> None:
    case = Case("ram", 8192)
    (label, best), *_ = second_host(case, MEMORY, MODELS, GPUS)
    assert "qwen2.5:32b" in label
    assert [site.models for site in best.sites] == [("deepseek-coder-v2:16b", "qwen2.5:7b"), ("qwen2.5:32b",)]
    assert apart(MODELS, [("a",)]) == 3

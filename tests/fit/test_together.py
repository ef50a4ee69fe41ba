"""Which models stay loaded together, by both numbers, and what would let more of them stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.fit.enlarge import gains
from toolkit.fit.gpus import gpus_of
from toolkit.fit.room import Room
from toolkit.fit.setting import Setting
from toolkit.fit.together import Sets, Tenant, contexts_for_all, pairs_that_swap, sets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.fit.spec import Spec

    Published = Callable[[str], Spec]

LARGE, CODE, SMALL = "qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b"
CARD = Room(gpus_of("rtx4090"))


def tenants(spec: Published, num_ctx: int, names: Sequence[str] = (LARGE, CODE, SMALL)) -> list[Tenant]:
    return [Tenant(name, spec(name), Setting(num_ctx)) for name in names]


def test_the_three_models_on_one_card_at_a_short_context(spec: Published) -> None:
    sets = sets_of(tenants(spec, 4096), CARD)
    assert sets.both == ((CODE, SMALL), (LARGE,))
    assert pairs_that_swap(tenants(spec, 4096), sets) == ((CODE, LARGE), (LARGE, SMALL))


def test_at_the_automatic_context_none_of_them_live_together(spec: Published) -> None:
    sets = sets_of(tenants(spec, 32768), CARD)
    assert sets.really == ((CODE,), (SMALL,))
    assert (LARGE,) in sets.by_ollama, "the first model on an empty host is always tried"
    assert sets.both == ((CODE,), (SMALL,))


def test_the_two_numbers_can_disagree(spec: Published) -> None:
    """Ollama knows nothing of sliding windows: it evicts a model that would have had room."""
    twins = [Tenant(name, spec("gemma3:12b"), Setting(32768)) for name in ("a", "b")]
    sets = sets_of(twins, CARD)
    assert sets.really == (("a", "b"),)
    assert sets.by_ollama == sets.both == (("a",), ("b",))


def test_most_loaded_models_is_a_limit_of_its_own(spec: Published) -> None:
    small = tenants(spec, 2048, ["qwen2.5:0.5b", "qwen3:0.6b", "llama3.2:1b", "gemma3:1b"])
    assert max(len(names) for names in sets_of(small, CARD).both) == 3
    assert max(len(names) for names in sets_of(small, CARD, 4).both) == 4
    assert max(len(names) for names in sets_of(small, CARD, 1).both) == 1


@pytest.mark.parametrize("num_ctx", [4096, 16384])
def test_maximal_sets_are_maximal_and_their_parts_fit(spec: Published, num_ctx: int) -> None:
    found = sets_of(tenants(spec, num_ctx), Room(gpus_of("2xrtx4090")))
    for sets in (found.really, found.by_ollama, found.both):
        assert not any(set(one) < set(other) for one in sets for other in sets)


def test_what_holds_by_both_is_part_of_each() -> None:
    sets = Sets((("a", "b"), ("c",)), (("b", "c"), ("a",)))
    assert sets.both == (("a",), ("b",), ("c",))


def test_contexts_that_let_all_stay_do_let_all_stay(spec: Published) -> None:
    room = Room(gpus_of("2xrtx4090"))
    asked = tenants(spec, 32768)
    contexts = contexts_for_all(asked, room)
    assert contexts is not None
    shorter = [Tenant(t.name, t.spec, Setting(contexts[t.name])) for t in asked]
    assert sets_of(shorter, room).both[0] == tuple(sorted((LARGE, CODE, SMALL)))
    assert contexts_for_all(asked, CARD) is None


def test_gains_name_the_cheapest_change_of_each_kind(spec: Published) -> None:
    found = gains(tenants(spec, 32768), CARD)
    assert any("num_ctx" in gain.text and set(gain.largest) == {CODE, SMALL} for gain in found)
    assert any(gain.all_stay for gain in found)
    assert gains(tenants(spec, 2048, [SMALL]), CARD) == ()


def test_sets_do_not_depend_on_the_order_in_which_models_are_named(spec: Published) -> None:
    asked = tenants(spec, 4096)
    one, other = sets_of(asked, CARD), sets_of(asked[::-1], CARD)
    assert (set(one.really), set(one.by_ollama)) == (set(other.really), set(other.by_ollama))

"""Tokens of a model: learned from the prompts that it counted, with a bound that holds for all of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.gateway.context import ModelTokens, effective_context
from toolkit.gateway.context.room import answer_room
from toolkit.gateway.context.tokens import ENOUGH, UNKNOWN_SLOPE, WINDOW, TokenBook
from toolkit.gateway.weight import FRAME_WEIGHT, MESSAGE_WEIGHT, messages_weight, text_weight
from toolkit.host.speech.tokens import WordTokenizer
from toolkit.ollama.types import ChatMessage, ToolCall

COUNTED = st.tuples(st.floats(0.5, 50_000), st.integers(1, 60_000))


def learned(counted: list[tuple[float, int]]) -> ModelTokens:
    known = ModelTokens()
    for weight, tokens in counted:
        known = known.observed(weight, tokens)
    return known


@given(st.lists(COUNTED, max_size=100))
def test_no_prompt_that_was_seen_lies_above_the_bound(counted: list[tuple[float, int]]) -> None:
    known = learned(counted)
    assert len(known.observations) <= WINDOW
    assert all(tokens <= known.bound(weight) for weight, tokens in known.observations)


@given(st.lists(COUNTED, max_size=20), st.integers(0, 100_000))
def test_what_fits_the_capacity_is_within_the_tokens(counted: list[tuple[float, int]], tokens: int) -> None:
    known = learned(counted)
    capacity = known.capacity(tokens)
    if capacity >= 0:
        assert known.bound(capacity) <= tokens
        assert known.bound(capacity + 2 / known.slope + 1 / 8) > tokens


def test_what_is_not_known_is_bounded_with_caution_and_learning_gives_room() -> None:
    known = ModelTokens()
    few = learned([(1000, 800)] * (ENOUGH - 1))
    many = learned([(1000, 800)] * ENOUGH)
    assert known.slope == few.slope == UNKNOWN_SLOPE
    assert many.slope <= 1.0
    assert many.bound(1000) < few.bound(1000)
    assert many.estimate(500) == 400


def test_one_heavy_prompt_raises_the_bound_at_once_and_leaves_it_when_it_is_forgotten() -> None:
    calm = learned([(1000, 800)] * 20)
    heavy = calm.observed(1000, 2000)
    assert heavy.bound(1000) >= 2000
    assert heavy.estimate(1000) == 800
    assert learned([(1000, 2000), *[(1000, 800)] * WINDOW]) == learned([(1000, 800)] * WINDOW)


def test_a_system_text_of_the_model_itself_is_learned_as_a_base() -> None:
    """A Modelfile adds 500 tokens to every prompt; short prompts tell of that, and do not make every word heavy."""
    known = learned([(weight, 500 + math.ceil(0.8 * weight)) for weight in (30, 40, 50, *range(4000, 4800, 100))])
    assert known.base >= 450
    assert known.slope < 1.2


def test_a_count_at_the_limit_of_the_context_teaches_nothing() -> None:
    """The server cut that prompt, and counted what was left."""
    known = ModelTokens()
    assert known.observed(9000, 4095, 4096) is known
    assert known.observed(9000, 4094, 4096) is not known
    assert known.observed(5000, 12) is known  # only what was not cached, as very old servers counted


def test_the_bound_moves_in_coarse_steps() -> None:
    slopes = {learned([(1000, 700 + number % 40)] * 20).slope for number in range(40)}
    assert len(slopes) <= 2


def test_models_are_known_apart() -> None:
    book = TokenBook()
    book.observe("a", 1000, 1900)
    assert book.of("a").bound(1000) > book.of("b").bound(1000)


@given(st.text(), st.text())
def test_weights_add_up(one: str, two: str) -> None:
    assert math.isclose(text_weight(one) + text_weight(two), text_weight(one + two), abs_tol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox jumps over the lazy dog, and then it rests for a while under the old tree. " * 10,
        "def main(argv):\n    for i in range(10):\n        print(f'{i}: {argv[i]}')\n" * 10,
        "Быстрая лисица перепрыгивает через ленивую собаку, и отдыхает. " * 10,
        '{"id": 12345, "name": "x", "values": [1, 22, 333, 4444]}' * 10,
    ],
)
def test_the_bound_of_an_unknown_model_holds_for_a_plain_vocabulary(text: str) -> None:
    assert len(WordTokenizer().encode(text)) <= ModelTokens().bound(text_weight(text))


def test_calls_and_pictures_have_weight() -> None:
    bare = messages_weight([ChatMessage("assistant", "")])
    assert bare == MESSAGE_WEIGHT
    assert messages_weight([ChatMessage("assistant", "", tool_calls=(ToolCall("look", {"at": "it"}),))]) > bare + 8
    assert messages_weight([ChatMessage("user", "", images=(b"x",))]) > bare + 500
    assert FRAME_WEIGHT > 0


def test_the_effective_context_is_what_the_server_will_really_have() -> None:
    assert effective_context() == 4096
    assert effective_context(configured=8192) == 8192
    assert effective_context(running=32768, configured=8192) == 32768
    assert effective_context(asked=2048, running=32768) == 2048
    assert effective_context(asked=262_144, trained=40_960) == 40_960


def test_the_room_for_the_answer_is_what_it_may_become_at_most_half() -> None:
    assert answer_room(8192, 1024, None) == 1024
    assert answer_room(8192, 1024, 300) == 300
    assert answer_room(8192, 1024, -1) == 1024
    assert answer_room(1000, 1024, 5000) == 500

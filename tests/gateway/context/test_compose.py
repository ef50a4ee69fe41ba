"""What is sent: within the room, in order, with nothing torn apart, and beginning as the last prompt began."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.context.stories import (
    all_parts,
    assistant,
    budgets,
    conversations,
    history,
    result,
    talk,
    user,
)
from toolkit.gateway.context import (
    Budget,
    Composition,
    ContextOverflowError,
    ContextParts,
    Excerpt,
    HeadPart,
    ModelTokens,
    compose,
)
from toolkit.gateway.context.excerpts import HEADING
from toolkit.gateway.sessions import Summary
from toolkit.ollama.types import ChatMessage

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTLED = ModelTokens(slope=1.0, ratio=0.9)
ROOMY = Budget(100_000, 1_000, SETTLED)
SMALL = Budget(2_048, 512, SETTLED)


def part(composition: Composition, name: str) -> str:
    return next(each.kept for each in composition.report.parts if each.name == name)


def middle(messages: Sequence[ChatMessage], request: Sequence[ChatMessage]) -> list[ChatMessage]:
    """What is sent of the history."""
    body = list(messages[: len(messages) - len(request)])
    return [each for each in body if each.role != "system" and not each.content.startswith(HEADING)]


@given(all_parts(), conversations(), budgets(), st.data())
@settings(max_examples=80)
def test_inv_ctx_within_the_room_in_order_and_nothing_torn_apart(
    parts: ContextParts, said: list[ChatMessage], budget: Budget, data: st.DataObject
) -> None:
    pending = data.draw(st.booleans(), label="the request brings results of calls") and bool(said)
    request: list[ChatMessage] = [user(data.draw(st.text(max_size=200)))]
    if pending:
        said = [*said, user("do it"), assistant("", "alpha", "beta")]
        request = [result("alpha"), result("beta")]
    summaries = [
        Summary(through, f"told {through}", "fast", 0)
        for through in sorted(data.draw(st.sets(st.integers(0, 60), max_size=4)))
    ]
    keep = data.draw(st.none() | st.integers(1, 30))
    past = history(said, *summaries, keep=keep)
    try:
        composition = compose(parts, past, request, budget)
    except ContextOverflowError:
        return
    report = composition.report
    if report.certain:
        assert report.bound_tokens <= budget.room_tokens
    assert report.bound_tokens == budget.tokens.bound(report.weight)
    # The request is whole and last, the head is one message and first.
    assert list(composition.messages[len(composition.messages) - len(request) :]) == request
    assert [each.role for each in composition.messages].count("system") <= 1
    # What is sent of the history is its end, as it was.
    sent = middle(composition.messages, request)
    assert sent == [each.message for each in past.messages][len(past.messages) - len(sent) :]
    # No result without its call, no call without the results that it was given.
    assert not sent or sent[0].role != "tool"
    if pending:
        assert sent
        assert sent[-1].tool_calls
    # No summary tells what is sent as it was.
    start = report.window.start
    assert report.summary_through is None or start is None or report.summary_through < start
    assert report.window.dropped == len(said) - len(sent)
    assert sum(each.tokens for each in report.parts) <= report.bound_tokens + 8 * len(report.parts) + 8


def test_a_history_that_begins_with_a_result_leaves_it_out() -> None:
    """Only the end of a conversation was read, and it begins between a call and its result."""
    past = history([user("a"), assistant("", "alpha"), result("alpha"), assistant("b")], keep=2)
    composition = compose(ContextParts(()), past, [user("c")], Budget(2000, 0, SETTLED))
    assert [each.role for each in middle(composition.messages, [user("c")])] == ["assistant"]
    assert composition.report.window.dropped == 3


@given(st.integers(1, 16), st.integers(1, 60), st.integers(600, 3000))
@settings(max_examples=30)
def test_a_turn_that_is_appended_leaves_the_prompt_before_it_as_it_was(turns: int, words: int, context: int) -> None:
    """Unless the window moves; and it only moves forward."""
    budget = Budget(context, 100, SETTLED, recent_messages=12)
    parts = ContextParts((HeadPart("system", "Be brief."), HeadPart("AGENTS.md", "line\n" * 100, 200)))
    said = talk(turns, words)
    for count in range(1, turns):
        before = compose(parts, history(said[: 2 * count]), [said[2 * count]], budget)
        after = compose(parts, history(said[: 2 * count + 2]), [user("and now?")], budget)
        if before.report.window.start in {after.report.window.start, None} and after.report.window.start is not None:
            assert after.messages[: len(before.messages)] == before.messages
        else:
            assert before.report.window.start is None or before.report.window.start < (after.report.window.start or 999)


@pytest.mark.parametrize(("words", "most"), [(3, 1_000), (20, 1_000), (60, 1_000), (3, 20)])
def test_the_window_stays_for_many_turns_and_then_moves_far(words: int, most: int) -> None:
    """At least a quarter of it is left behind at once, so that most prompts begin as the one before."""
    budget = Budget(2_048, 200, SETTLED, recent_messages=most, summary_tokens=100, relevant_tokens=100)
    said = talk(120, words)
    starts = [compose(ContextParts(), history(said[: 2 * n]), [user("?")], budget).report.window for n in range(1, 120)]
    moves = [(one, two) for one, two in pairwise(starts) if one.start != two.start]
    held = max(2 * number - window.dropped for number, window in enumerate(starts, start=1))
    assert moves
    assert all((two.start or 0) - (one.start or 0) >= held / 5 for one, two in moves)


def test_everything_fits_into_a_large_context() -> None:
    said = talk(5)
    composition = compose(
        ContextParts((HeadPart("system", "You help."), HeadPart("AGENTS.md", "# Rules\nBe kind.", 500))),
        history([ChatMessage("system", "In French."), *said]),
        [user("more?")],
        ROOMY,
    )
    head, *rest = composition.messages
    assert head.content == "You help.\n\nIn French.\n\n## AGENTS.md\n# Rules\nBe kind."
    assert rest == [*said, user("more?")]
    assert {each.kept for each in composition.report.parts} == {"whole", "absent"}


def test_the_newest_system_message_of_the_client_holds() -> None:
    past = history([ChatMessage("system", "In French."), *talk(1)])
    request = [ChatMessage("system", "In German."), user("well?")]
    composition = compose(ContextParts(), past, request, ROOMY)
    assert composition.messages[0] == ChatMessage("system", "In German.")
    assert composition.messages[-1] == user("well?")
    assert len(composition.messages) == 4


def test_without_anything_to_say_there_is_no_system_message() -> None:
    """Then the model's own system text, from its Modelfile, holds."""
    composition = compose(ContextParts((HeadPart("AGENTS.md", "  \n", 9),)), history([]), [user("hi")], ROOMY)
    assert composition.messages == (user("hi"),)
    assert part(composition, "AGENTS.md") == "absent"


def test_what_falls_out_is_told_by_the_summary_and_found_by_search() -> None:
    said = [user("My cat is called Minka."), assistant("A fine name."), *talk(30, 30)]
    summary = Summary(1, "The user has a cat, Minka.", "fast", 0)
    excerpts = (Excerpt(0, "user", said[0].content, "words"), Excerpt(61, "assistant", "recent", "words"))
    composition = compose(
        ContextParts(excerpts=excerpts), history(said, summary), [user("What is my cat called?")], SMALL
    )
    assert "The user has a cat, Minka." in composition.messages[0].content
    assert composition.messages[-2] == user(f"{HEADING}\n- user: My cat is called Minka.")
    assert composition.report.summary_through == 1
    assert composition.report.window.dropped > composition.report.window.untold > 0
    assert part(composition, "recent messages") == "cut"
    assert part(composition, "relevant older messages") == "cut"  # the other one is sent as it was


def test_a_file_beyond_its_budget_is_cut_at_a_line_and_says_so() -> None:
    text = "\n".join(f"rule number {number} is to be kept" for number in range(200))
    composition = compose(ContextParts((HeadPart("AGENTS.md", text, 100),)), history([]), [user("hi")], ROOMY)
    lines = composition.messages[0].content.splitlines()
    assert lines[0] == "## AGENTS.md"
    assert lines[-2] in text.splitlines()
    assert lines[-1] == "[… the rest is left out]"
    report = composition.report.parts[0]
    assert report.kept == "cut"
    assert report.tokens <= 100
    assert "longer than its budget" in report.reason


def test_files_together_take_half_at_most_and_go_first_when_the_request_is_long() -> None:
    files = tuple(HeadPart(f"{name}.md", "a line of the file\n" * 300, 2_000) for name in "ABC")
    composition = compose(ContextParts(files), history(talk(3)), [user("hi")], SMALL)
    assert sum(each.tokens for each in composition.report.parts[:3]) <= SMALL.room_tokens / 2
    long = compose(ContextParts(files), history(talk(3)), [user("word " * 1_300)], SMALL)
    assert long.report.certain
    assert [each.kept for each in long.report.parts[:3]] == ["dropped", "dropped", "dropped"]
    assert long.report.bound_tokens <= SMALL.room_tokens


def test_a_request_that_probably_fits_is_sent_alone() -> None:
    composition = compose(ContextParts(), history(talk(3)), [user("word " * 1_450)], SMALL)
    assert not composition.report.certain
    assert len(composition.messages) == 1
    assert composition.report.estimate_tokens <= SMALL.room_tokens


def test_a_request_that_cannot_fit_is_refused_with_numbers() -> None:
    with pytest.raises(ContextOverflowError, match=r"of the context of 2,048 there are 1,536 .* larger num_ctx"):
        compose(ContextParts(), history([]), [user("word " * 5_000)], SMALL)


def test_excerpts_never_stand_between_a_call_and_its_result() -> None:
    said = [*talk(40, 30), user("look"), assistant("", "look")]
    parts = ContextParts(excerpts=(Excerpt(0, "user", "old", "words"),))
    composition = compose(parts, history(said), [result("look")], SMALL)
    assert composition.messages[-2] == said[-1]
    assert part(composition, "relevant older messages") == "dropped"


def test_a_refused_file_is_reported_and_not_sent() -> None:
    composition = compose(
        ContextParts((HeadPart("SOUL.md", "", 100, "a symbolic link"),)), history([]), [user("hi")], ROOMY
    )
    assert (composition.report.parts[0].kept, composition.report.parts[0].reason) == ("refused", "a symbolic link")


def test_more_messages_than_the_most_are_not_sent_even_with_room() -> None:
    budget = replace(ROOMY, recent_messages=10)
    said = talk(20, 1)
    composition = compose(ContextParts(), history(said), [user("hi")], budget)
    sent = middle(composition.messages, [user("hi")])
    assert 5 <= len(sent) <= 10
    assert sent == said[len(said) - len(sent) :]


def test_a_conversation_of_one_endless_exchange_keeps_its_newest_rounds() -> None:
    """An agent that calls fifty tools for one question: the question is lost before a call loses its result."""
    said = [user("do everything")]
    for number in range(50):
        said += [assistant("thinking " * 10, f"tool{number}"), result(f"tool{number}", "word " * 20)]
    composition = compose(ContextParts(), history(said[:-1]), [said[-1]], SMALL)
    sent = list(composition.messages)
    assert sent[-2:] == said[-2:]
    assert sent[0].role != "tool"
    assert 10 < len(sent) < len(said)


def test_the_prefix_is_shared_up_to_the_excerpts() -> None:
    said = talk(30, 30)
    first = compose(ContextParts(excerpts=(Excerpt(0, "user", "old", "w"),)), history(said), [user("one?")], SMALL)
    more = [*said, user("one?"), assistant("yes")]
    second = compose(ContextParts(excerpts=(Excerpt(2, "user", "older", "w"),)), history(more), [user("two?")], SMALL)
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(first.messages, second.messages, strict=False))))
    assert shared == len(first.messages) - 2


@given(conversations(6))
@settings(max_examples=30)
def test_composing_is_a_function_of_what_it_is_given(said: list[ChatMessage]) -> None:
    with suppress(ContextOverflowError):
        first = compose(ContextParts(), history(said), [user("x")], SMALL)
        assert first == compose(ContextParts(), history(said), [user("x")], SMALL)

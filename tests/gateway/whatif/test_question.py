"""What may be asked, and what becomes of it on the command line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.gateway.refusal import Refusal
from toolkit.gateway.whatif.question import MOST_STRATEGIES, OFFERED, Question, Queue, question_from

MINUTE_NS = 60_000_000_000
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), st.lists, max_leaves=5)


def test_the_strategy_in_use_is_compared_in_any_case_and_once() -> None:
    asked = question_from({"strategies": ["lru", "ram", "lru", "lrfu(decay=0.1)"], "since": "7d"}, "ram")
    assert asked == Question(("ram", "lru", "lrfu(decay=0.1)"), "7d")
    assert asked.options(Queue(MINUTE_NS, 4)) == (
        "--strategies=ram,lru,lrfu(decay=0.1)",
        "--disciplines=shadow(bound=1m,parallel=4)",
        "--since=7d",
    )
    whole = question_from({"strategies": ["lru"]}, "ssd")
    assert whole.options(Queue(MINUTE_NS, 1))[-1].startswith("--disciplines")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "strategies: a list of names"),
        ({"strategies": []}, "strategies: a list of names"),
        ({"strategies": "lru"}, "strategies: a list of names"),
        ({"strategies": ["lru", 5]}, "strategies: a list of names"),
        ({"strategies": ["lrv"]}, "there is no strategy 'lrv'. Did you mean"),
        ({"strategies": ["lrfu(decay=0.1|0.2)"]}, "decay"),
        ({"strategies": ["--host=http://example.com"]}, "there is no strategy"),
        ({"strategies": ["a" * 201]}, "longer than 200"),
        ({"strategies": [f"lrfu(decay=0.{n})" for n in range(1, MOST_STRATEGIES + 2)]}, "at most 8"),
        ({"strategies": ["lru"], "since": "1 week"}, "since: a time such as 1h"),
        ({"strategies": ["lru"], "since": 7}, "since: a time such as 1h"),
        ({"strategies": ["lru"], "host": "x"}, "'host' is not known here"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(body: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal) as refused:
        question_from(body, "ram")
    assert refused.value.why.status == 400
    assert words in refused.value.text


@given(st.dictionaries(st.sampled_from(["strategies", "since", "x"]), JSON))
def test_whatever_comes_is_a_question_or_refused(body: dict[str, Any]) -> None:
    try:
        asked = question_from(body, "ram")
    except Refusal:
        return
    assert asked.strategies[0] == "ram"


def test_everything_that_is_offered_exists() -> None:
    names = [name for name, _ in OFFERED]
    assert question_from({"strategies": names[:8]}, "ram").strategies
    assert len(set(names)) == len(names) <= MOST_STRATEGIES

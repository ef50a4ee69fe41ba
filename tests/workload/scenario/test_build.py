"""What a plan must be, whatever the scenario; and what the parts of a scenario do to it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.config.durations import NS_PER_S
from toolkit.workload.plan import Slo
from toolkit.workload.scenario.build import build_plan
from toolkit.workload.scenario.schema import Scenario
from toolkit.workload.tokens import estimate_message_tokens

if TYPE_CHECKING:
    from toolkit.workload.plan import Plan

TALK = {
    "id": "talk",
    "label": "primary",
    "turns": [
        {"text": "a" * 40},
        {"text": "b" * 80, "output_tokens": 7, "label": "fast"},
        {"text": "c", "think": "9s"},
    ],
}
ASK = {"id": "ask", "label": "fast", "text": "What?"}
OPEN = {
    "name": "t",
    "duration": "1h",
    "arrivals": {"kind": "poisson", "rate": "100/h"},
    "think": {"kind": "exponential", "mean": "30s"},
    "output_tokens": {"kind": "lognormal", "median": 151, "sigma": 0.86},
    "prompts": [ASK, TALK],
}
CLOSED = {**OPEN, "duration": None, "arrivals": {"kind": "closed", "users": 3, "prompts_per_user": 20, "think": "1m"}}


def plan(seed: int = 1, base: dict[str, Any] = OPEN, **changes: Any) -> Plan:
    scenario = Scenario.model_validate({**base, **changes})
    return build_plan(scenario, seed=seed, source="t.yaml", source_sha256="0" * 64)


@given(seed=st.integers(0, 2**40), closed=st.booleans())
def test_the_rules_of_a_plan_hold(seed: int, closed: bool) -> None:
    """Unique ids; exactly one of moment and leader; leaders stand before; history grows by what came before."""
    made = plan(seed, CLOSED if closed else OPEN)
    seen: dict[str, Any] = {}
    for request in made.requests:
        assert request.id not in seen
        assert (request.at_ns is None) != (request.after is None)
        assert request.after is None or request.after in seen
        assert request.think_ns >= 0
        assert request.output_tokens >= 1
        assert request.prompt_tokens >= request.shared_prefix_tokens + estimate_message_tokens(request.text)
        if request.shared_prefix_tokens:
            before = seen[request.after or ""]
            assert before.session == request.session
            assert request.shared_prefix_tokens == before.prompt_tokens + before.output_tokens
        seen[request.id] = request
    starts = [request.at_ns for request in made.requests if request.at_ns is not None]
    assert starts == sorted(starts)
    assert all(0 <= start < made.duration_ns for start in starts) or closed


@pytest.mark.parametrize("base", [OPEN, CLOSED])
def test_the_same_seed_gives_the_same_plan_and_another_seed_another(base: dict[str, Any]) -> None:
    assert repr(plan(4, base)) == repr(plan(4, base))
    assert plan(4, base).requests != plan(5, base).requests


def moments(made: Plan) -> list[int]:
    return [request.at_ns for request in made.requests if request.at_ns is not None]


def texts(made: Plan) -> list[str]:
    return [request.text for request in made.requests if request.at_ns is not None]


def lengths(made: Plan) -> dict[str, int]:
    return {request.id: request.output_tokens for request in made.requests}


def thinks(made: Plan) -> dict[str, int]:
    return {request.id: request.think_ns for request in made.requests}


def test_a_change_in_one_stream_leaves_the_others_alone() -> None:
    base = plan()
    other_lengths = plan(output_tokens=50)
    assert lengths(other_lengths) != lengths(base)
    assert (moments(other_lengths), texts(other_lengths), thinks(other_lengths)) == (
        moments(base),
        texts(base),
        thinks(base),
    )
    other_thinks = plan(think="5s")
    assert thinks(other_thinks) != thinks(base)
    assert (moments(other_thinks), texts(other_thinks), lengths(other_thinks)) == (
        moments(base),
        texts(base),
        lengths(base),
    )
    other_arrivals = plan(arrivals={"kind": "constant", "rate": "500/h"})
    assert texts(other_arrivals)[: len(texts(base))] == texts(base)
    other_prompts = plan(prompts=[ASK, {**ASK, "id": "other"}, TALK])
    assert texts(other_prompts) != texts(base)
    assert moments(other_prompts) == moments(base)


def test_a_longer_duration_only_continues_the_plan() -> None:
    short, long = plan(), plan(duration="2h")
    assert moments(long)[: len(moments(short))] == moments(short)
    assert lengths(short).items() <= lengths(long).items()


def test_a_conversation_brings_its_history() -> None:
    made = plan(prompts=[TALK], system="s" * 20, output_tokens=100, arrivals={"kind": "constant", "rate": "1/h"})
    one, two, three = made.requests
    assert [one.prompt_tokens, two.prompt_tokens, three.prompt_tokens] == [9 + 14, 23 + 100 + 24, 147 + 7 + 5]
    assert [one.shared_prefix_tokens, two.shared_prefix_tokens, three.shared_prefix_tokens] == [0, 123, 154]
    assert [request.output_tokens for request in made.requests] == [100, 7, 100]
    assert [request.label for request in made.requests] == ["primary", "fast", "primary"]
    assert (one.after, two.after, three.after) == (None, one.id, two.id)
    assert three.think_ns == 9 * NS_PER_S
    assert {request.session for request in made.requests} == {"s0001"}
    assert {request.system for request in made.requests} == {"s" * 20}


def test_a_single_question_has_no_session_and_its_own_settings() -> None:
    prompt = {**ASK, "system": "", "model": "llama", "prompt_tokens": 900, "output_tokens": 0}
    request = plan(prompts=[prompt], system="long", arrivals={"kind": "constant", "rate": "1/h"}).requests[0]
    assert (request.session, request.system, request.model) == (None, "", "llama")
    assert (request.prompt_tokens, request.output_tokens) == (900, 1)


def test_a_message_never_has_fewer_tokens_than_its_text() -> None:
    request = plan(prompts=[{"text": "x" * 400, "prompt_tokens": 3}]).requests[0]
    assert request.prompt_tokens == 104


def test_weights_and_mix_decide_how_often_a_prompt_comes() -> None:
    prompts = [
        {"label": "fast", "weight": 3, "text": "f3"},
        {"label": "fast", "weight": 1, "text": "f1"},
        {"label": "code", "weight": 100, "text": "c"},
        {"label": "code", "weight": 0, "text": "never"},
    ]
    made = plan(
        prompts=prompts, mix={"fast": 80, "code": 20, "primary": 0}, arrivals={"kind": "constant", "rate": "5/s"}
    )
    counts = Counter(request.text for request in made.requests)
    shares = {text: count / len(made.requests) for text, count in counts.items()}
    assert shares == pytest.approx({"f3": 0.6, "f1": 0.2, "c": 0.2}, abs=0.02)


def test_a_sequence_goes_round() -> None:
    made = plan(sequence=["ask", "talk", "ask"], arrivals={"kind": "constant", "rate": "5/h"})
    assert texts(made) == ["What?", "a" * 40, "What?", "What?", "a" * 40]


def test_a_closed_loop_is_one_chain_for_each_user() -> None:
    made = plan(
        base=CLOSED, prompts=[ASK], arrivals={"kind": "closed", "users": 3, "prompts_per_user": 4, "think": "10s"}
    )
    assert moments(made) == [10 * NS_PER_S] * 3
    assert Counter(request.after for request in made.requests)[None] == 3
    followers = Counter(request.after for request in made.requests if request.after is not None)
    assert set(followers.values()) == {1}
    assert len(made.requests) == 12
    assert made.duration_ns == 40 * NS_PER_S


def test_more_prompts_for_each_user_only_continue_a_closed_loop() -> None:
    longer = {**CLOSED["arrivals"], "prompts_per_user": 30}  # type: ignore[dict-item] # a mapping, by construction
    assert {request.id: request for request in plan(base=CLOSED).requests}.items() <= {
        request.id: request for request in plan(base=CLOSED, arrivals=longer).requests
    }.items()


def test_promises_and_length_are_carried_over() -> None:
    made = plan(slos=[{"metric": "ttft", "within": "1500ms", "share": 0.95}], description="a\n  b")
    assert made.slos == (Slo("ttft", 1_500_000_000, 0.95),)
    assert made.duration_ns == 3600 * NS_PER_S
    assert made.description == "a b"

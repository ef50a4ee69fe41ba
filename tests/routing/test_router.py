"""The order of the rules, and a reason with every decision."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.routing.heuristics import CODE_KEYWORDS, FENCED
from toolkit.routing.patterns import PatternError
from toolkit.routing.router import Decision, Router, Rule

MODELS = {"primary": "qwen2.5:32b", "code": "deepseek-coder-v2:16b", "fast": "qwen2.5:7b"}
USER_RULES = (
    Rule("(code|function|implement|debug|class|def |fn )", "deepseek-coder-v2:16b"),
    Rule("^.{0,100}$", "qwen2.5:7b"),
)
LONG = "Tell me about the history of the lighthouse, its keepers, and the ships that it could not save from the rocks. "


def test_the_first_matching_rule_decides_even_if_a_later_one_matches() -> None:
    decision = Router(USER_RULES, MODELS).route("debug this")
    assert decision == Decision(
        "deepseek-coder-v2:16b", "code", "rule 1: (code|function|implement|debug|class|def |fn )", rule=1
    )


def test_rules_come_before_the_heuristic_and_case_counts_in_them() -> None:
    decision = Router(USER_RULES, MODELS).route("Debug this")
    assert (decision.model, decision.rule, decision.keyword) == ("qwen2.5:7b", 2, None)


def test_the_length_rule_ends_at_a_hundred_code_points_and_at_a_newline() -> None:
    router = Router(USER_RULES[1:], {"primary": "big"})
    assert router.route("é" * 100).rule == 1
    assert router.route("é" * 101).rule is None
    assert router.route("two\nlines").rule is None


@pytest.mark.parametrize("keyword", CODE_KEYWORDS)
def test_every_keyword_is_found_as_a_word_in_any_case(keyword: str) -> None:
    router = Router((), MODELS)
    for text in (keyword, f"{LONG}{keyword.upper()}?", f"({keyword.capitalize()})", f"é {keyword}\n"):
        decision = router.route(text)
        assert (decision.role, decision.keyword) == ("code", keyword)
        assert decision.reason == f"code heuristic: the word {keyword!r}"
    for text in (f"x{keyword}", f"{keyword}é", f"é{keyword}", f"{keyword}_1", f"{keyword}9"):
        found = router.route(text).keyword
        assert found is None or len(found) < len(keyword)  # "sub class" may hold a shorter one


@pytest.mark.parametrize("text", ["look: ```x = 1```", f"{LONG}\n~~~\nx\n~~~", "   ~~~ruby\nx"])
def test_fenced_code_is_code(text: str) -> None:
    decision = Router((), MODELS).route(text)
    assert (decision.role, decision.keyword, decision.reason) == ("code", FENCED, "code heuristic: fenced code")


@pytest.mark.parametrize("text", ["decoded messages", "a classic", "debugged", "about ~~~ this much", "``quoted''"])
def test_parts_of_words_are_not_code(text: str) -> None:
    assert Router((), MODELS).route(text).role == "fast"


@pytest.mark.parametrize(("length", "role"), [(0, "fast"), (99, "fast"), (100, "primary"), (101, "primary")])
@pytest.mark.parametrize("character", ["x", "é", "日", "\N{GRINNING FACE}", "\n", "\ud800"])
def test_fewer_than_a_hundred_code_points_are_short(length: int, role: str, character: str) -> None:
    assert Router((), MODELS).route(character * length).role == role


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert Router((), MODELS).route("\ud83d\ude00" * 99).role == "fast"


def test_everything_else_goes_to_the_primary_with_a_reason() -> None:
    assert Router((), MODELS).route(LONG) == Decision("qwen2.5:32b", "primary", "default: no rule, no code, not short")


def test_roles_that_are_not_configured_are_skipped() -> None:
    router = Router((), {"primary": "only"})
    assert (
        router.route("debug the code") == router.route("hi") == Decision("only", "primary", "default: no rule, no code")
    )
    assert Router((), {"primary": "big", "fast": "small"}).route("debug").role == "fast"


def test_without_a_primary_there_is_no_router() -> None:
    with pytest.raises(UsageError, match=r"llm\.models"):
        Router((), {"fast": "small"})


def test_a_rules_model_has_the_first_role_of_that_name_or_none() -> None:
    models = {"primary": "same", "code": "same", "fast": "small"}
    router = Router((Rule("alpha", "same"), Rule("beta", "elsewhere:1b")), models)
    assert router.route("alpha").role == "primary"
    assert router.route("beta") == Decision("elsewhere:1b", None, "rule 2: beta", rule=2)


def test_a_broken_pattern_is_named_by_the_rules_number() -> None:
    with pytest.raises(PatternError, match=r"^routing rule 2: pattern '\(': missing \)"):
        Router((Rule("fine", "m"), Rule("(", "m")), MODELS)


def test_a_long_pattern_is_cut_in_the_reason() -> None:
    reason = Router((Rule("a\n" + "b" * 100 + "|x", "m"),), MODELS).route("x").reason
    assert reason == "rule 1: a\\n" + "b" * 56 + "…"


@given(st.text(st.characters(codec=None) | st.characters(categories=["Cs"]), max_size=150))
def test_any_text_gets_a_decision_and_always_the_same(text: str) -> None:
    router = Router(USER_RULES, MODELS)
    decision = router.route(text)
    assert decision == router.route(text)
    assert decision.model in MODELS.values()
    assert decision.reason


@given(st.text(alphabet="bugcode x\n`é.", max_size=130))
def test_a_set_without_memory_decides_the_same(text: str) -> None:
    assert Router(USER_RULES, MODELS, set_memory_bytes=1_000).route(text) == Router(USER_RULES, MODELS).route(text)


def test_threads_share_a_router() -> None:
    router = Router(USER_RULES, MODELS)
    texts = ["debug this", "hello", LONG, "Debug\n" + LONG] * 500
    expected = [router.route(text) for text in texts]
    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(router.route, texts)) == expected

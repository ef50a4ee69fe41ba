"""The words of `hotswap chat`: footer, JSON, and text that is harmless on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from toolkit.cache.strategy import Directive
from toolkit.cli.chat import chat
from toolkit.cli.chat_run import as_json, footer, harmless
from toolkit.errors import InputError, UsageError
from toolkit.llm.parts import LLMAnswer, Route
from toolkit.ollama.types import ChatAnswer, Counters, Times

if TYPE_CHECKING:
    from toolkit.llm.usage import End

COUNTERS = Counters(4 * 10**9, 3 * 10**9, 10, 10**8, 50, 5 * 10**8)


def answered(found: End, counters: Counters = COUNTERS, reason: str = "stop") -> LLMAnswer:
    whole = ChatAnswer("m", "text", "", (), reason, counters, Times(100, 200, 350, 400, 500))
    return LLMAnswer(whole, Route("m:1b", "shorter than 100 characters", None), Directive(), found)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (answered("hits"), "warm · 50 tokens · 100.0 tokens/s"),
        (answered("loads"), "cold, 3.0 s to load · 50 tokens · 100.0 tokens/s"),
        (answered("joined"), "waited for a load under way, 3.0 s to load · 50 tokens · 100.0 tokens/s"),
        (answered("hits", Counters()), "warm"),
    ],
)
def test_the_footer_says_cold_or_warm_and_how_quick(answer: LLMAnswer, words: str) -> None:
    assert footer(answer) == words


def test_an_answer_that_was_cut_off_says_so() -> None:
    assert "cut off" in footer(answered("hits", reason="length"))


def test_json_has_the_history_and_null_for_what_is_absent() -> None:
    told = as_json(answered("loads", Counters()))
    assert (told["model"], told["cold"], told["tok_per_s"], told["output_tokens"]) == ("m:1b", True, None, None)
    assert told["first_token_ns"] == 250


def test_a_model_cannot_act_on_the_terminal() -> None:
    assert harmless("a\x1b[2Jb\tc\nd") == "a\\u001b[2Jb\tc\nd"


@pytest.mark.parametrize("given", ["", " \n"])
def test_nothing_is_no_question(given: str) -> None:
    failure = CliRunner().invoke(chat, ["--host", "http://127.0.0.1:9", "--quiet"], input=given).exception
    assert isinstance(failure, InputError)
    assert "nothing to ask" in str(failure)


def test_without_a_host_there_is_nobody_to_talk_to() -> None:
    failure = CliRunner().invoke(chat, ["hello"]).exception
    assert isinstance(failure, UsageError)
    assert "--host URL" in str(failure)

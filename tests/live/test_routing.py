"""Do questions go to the right model there, and does a conversation survive the change?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.config.models import Config
from toolkit.llm.conversation import Conversation
from toolkit.llm.from_config import llm_from_config
from toolkit.ollama.address import parse_address
from toolkit.ollama.client import OllamaClient  # noqa: TC001 - pytest reads the annotation

if TYPE_CHECKING:
    from toolkit.llm.client import LLMClient

pytestmark = pytest.mark.live

LONG = "Tell me in a few words what you think of rainy afternoons in a small town by the sea, please, " * 2


def client_of(url: str, pair: tuple[str, str]) -> LLMClient:
    """A client that sends short questions to the smaller model, and all others to the larger one."""
    small, large = ({"name": name, "options": {"num_ctx": 2048, "num_predict": 8}} for name in pair)
    config = Config.model_validate({"llm": {"models": {"primary": large, "fast": small}}})
    return llm_from_config(config, {}, address=parse_address(url))


async def test_questions_go_where_the_rules_say(client: OllamaClient, live_url: str, pair: tuple[str, str]) -> None:
    async with client_of(live_url, pair) as llm:
        short = await llm.chat("Hello!")
        assert (short.route.model, short.route.reason) == (pair[0], "shorter than 100 characters")
        long = await llm.chat(LONG)
        assert long.route.model == pair[1]
        assert (short.answer.model, long.answer.model) == pair
    assert await client.ps()


async def test_a_conversation_goes_on_with_the_other_model(
    client: OllamaClient, live_url: str, pair: tuple[str, str]
) -> None:
    talk = Conversation()
    async with client_of(live_url, pair) as llm:
        first = await llm.chat(talk.question("Hello!"))
        talk.answered("Hello!", first)
        talk.model = pair[1]
        alone = await llm.chat(Conversation(pair[1]).question("And you?"))
        second = await llm.chat(talk.question("And you?"))
        assert second.route.reason == "asked for by name"
        shown, unshown = second.answer.counters.prompt_eval_count, alone.answer.counters.prompt_eval_count
        assert (shown or 0) > (unshown or 0), "the second model was not shown what the first one said"
    assert await client.ps()

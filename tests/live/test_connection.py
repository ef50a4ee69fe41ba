"""Does the host answer, and as Ollama does?"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from toolkit.ollama.errors import ModelMissingError
from toolkit.ollama.types import ChatMessage, ChatRequest

if TYPE_CHECKING:
    from toolkit.ollama.client import OllamaClient

pytestmark = pytest.mark.live

SHORT = {"num_ctx": 2048, "num_predict": 8}


async def test_it_tells_its_version_its_models_and_what_is_loaded(client: OllamaClient) -> None:
    version = await client.version()
    assert version.numbers is not None, version.text
    assert await client.tags()
    await client.ps()


async def test_a_model_that_is_not_there_is_missing(client: OllamaClient) -> None:
    with pytest.raises(ModelMissingError):
        await client.show("no-such-model-of-hotswap:0b")


async def test_an_answer_is_streamed_with_its_counters(client: OllamaClient, pair: tuple[str, str]) -> None:
    request = ChatRequest(pair[0], (ChatMessage("user", "Say hello."),), options=SHORT)
    answer = await client.chat(request)
    assert answer.done_reason in {"stop", "length"}
    assert answer.text or answer.thinking
    assert answer.counters.total_ns
    assert answer.counters.prompt_eval_count
    assert answer.times.first_token_ns is not None
    assert answer.times.sent_ns < answer.times.first_token_ns <= (answer.times.done_ns or 0)


def test_no_other_host_can_be_reached() -> None:
    """The guard that keeps tests on this machine lets this one host through, and nothing else."""
    with socket.socket() as sock, pytest.raises(AssertionError, match="loopback only"):
        sock.connect(("192.0.2.1", 11434))

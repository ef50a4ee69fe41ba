"""The client that a config describes."""

from __future__ import annotations

import pytest

from tests.llm.test_llm_client import SmallHost
from tests.ollama.fake_host import FakeHost
from toolkit.config.models import Config
from toolkit.errors import UsageError
from toolkit.llm.from_config import llm_from_config


def config(url: str, **cache: object) -> Config:
    models = {"primary": {"name": "big:32b", "options": {"num_ctx": 4096}}, "fast": "small:7b"}
    rules = [{"pattern": "Rust", "model": "coder:16b"}]
    return Config.model_validate(
        {
            "llm": {"base_url": url, "models": models, "cache": cache, "routing": {"rules": rules}},
            "host": {"bearer_env": "TOKEN"},
        }
    )


async def test_everything_of_the_config_arrives() -> None:
    small = SmallHost()
    async with FakeHost(small.script) as host:
        async with llm_from_config(config(f"{host.url}/v1", type="ssd"), {"TOKEN": "t"}) as llm:
            assert (await llm.chat("Rust")).route.rule == 1
            await llm.chat("x" * 200)
        chats = [seen for seen in host.seen if seen.path == "/api/chat"]
    assert [(seen.json["model"], seen.json["keep_alive"], seen.json.get("options")) for seen in chats] == [
        ("coder:16b", "2m", None), ("big:32b", "2m", {"num_ctx": 4096}),
    ]  # fmt: skip
    assert {seen.header("authorization") for seen in host.seen} == {"Bearer t"}


async def test_a_strategy_can_be_asked_for_by_name() -> None:
    small = SmallHost()
    async with (
        FakeHost(small.script) as host,
        llm_from_config(config(host.url), {"TOKEN": "t"}, strategy="server-default") as llm,
    ):
        await llm.chat("hi")
    assert small.log == ["chat small:7b None"]


def test_a_secret_that_is_not_set_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"\$TOKEN, which is not set"):
        llm_from_config(config("http://127.0.0.1:1"), {})

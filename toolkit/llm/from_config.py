"""An `LLMClient` as the config describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cache.manager import build_manager
from toolkit.cache.registry import StrategyContext
from toolkit.llm.client import LLMClient
from toolkit.ollama.address import parse_address
from toolkit.ollama.from_config import client_from_config
from toolkit.routing.from_config import router_from_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.cache.strategy import Room
    from toolkit.config.models import Config
    from toolkit.ollama.address import Address


def llm_from_config(
    config: Config,
    environment: Mapping[str, str],
    *,
    address: Address | None = None,
    strategy: str | None = None,
    room: Room | None = None,
) -> LLMClient:
    """Wire router, cache manager and client. Nothing is sent before the first question.

    `address` takes the place of the config's `base_url`, `strategy` that of its `cache.type`. `room` is what is known
    of the host's memory, None if nothing.

    Raises:
        UsageError: no such strategy, or a secret that the environment does not have.
    """
    llm = config.llm
    context = StrategyContext(
        max_models=llm.cache.max_models,
        room=room,
        models=llm.model_names,
        pinned=tuple(entry.name for entry in llm.models.values() if entry.pin),
        keep_alive_ns=((llm.cache.type, llm.cache.keep_alive_ns),),
    )
    host = client_from_config(config.host, environment, address or parse_address(llm.base_url))
    return LLMClient(
        host,
        router_from_config(llm),
        build_manager(strategy or llm.cache.type, llm.cache.eviction, context),
        options={entry.name: entry.options for entry in llm.models.values()},
    )

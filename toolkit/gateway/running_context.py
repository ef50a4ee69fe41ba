"""The context that a model has in a host's memory, asked for once: for commands that show what the gateway would do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.config.scalars import model_key
from toolkit.ollama.address import parse_address
from toolkit.ollama.errors import OllamaError
from toolkit.ollama.from_config import client_from_config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.config.models import Config
    from toolkit.ollama.address import Address
    from toolkit.ollama.types import RunningModel

LOOK_S = 3.0
"""So long a host may take to say what is in its memory."""


@dataclass(frozen=True, slots=True)
class RunningContext:
    """`tokens` is None where no host has the model in memory, or none answers; `why` goes on "the context is …"."""

    tokens: int | None
    why: str


def gateway_addresses(config: Config) -> tuple[Address, ...]:
    """The hosts behind the gateway of a config. Raises UsageError for what is no address."""
    named = tuple(parse_address(host.url, host.name) for host in config.gateway.hosts)
    return named or (parse_address(config.llm.native_base_url),)


async def running_context(
    config: Config, environment: Mapping[str, str], addresses: Sequence[Address], model: str
) -> RunningContext:
    """What `/api/ps` of these hosts says of the model: the smallest context, as the gateway takes it.

    Raises:
        UsageError: a secret that the environment does not have.
    """
    looks = await asyncio.gather(*(_look(config, environment, address) for address in addresses))
    key = model_key(model)
    found = [
        (row.context_length, address.url)
        for address, rows in zip(addresses, looks, strict=True)
        for row in rows or ()
        if row.context_length and model_key(row.name) == key
    ]
    if found:
        tokens, url = min(found)
        return RunningContext(tokens, f"what {url} has loaded the model with")
    silent = [address.url for address, rows in zip(addresses, looks, strict=True) if rows is None]
    if silent:
        text = f"assumed, the least that a server takes: {', '.join(silent)} does not answer"
        return RunningContext(None, f"{text}; --host names another, --num-ctx says it")
    asked = ", ".join(address.url for address in addresses)
    return RunningContext(None, f"assumed, the least that a server takes: the model is not in memory at {asked}")


async def _look(config: Config, environment: Mapping[str, str], address: Address) -> tuple[RunningModel, ...] | None:
    """None: it does not answer."""
    async with client_from_config(config.host, environment, address) as client:
        try:
            async with asyncio.timeout(LOOK_S):
                return await client.ps()
        except (OllamaError, TimeoutError):
            return None

"""Which host is meant, and a client for it.

Neither `base_url` nor OLLAMA_HOST alone ever makes a run touch a real host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.config.secrets import secret_headers
from toolkit.ollama.address import Address, parse_address
from toolkit.ollama.client import OllamaClient, Timeouts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.config.models import Config

FROM_CONFIG = "config"


def asked_host(given: str | None, config: Config) -> Address | None:
    """The host of `--host URL`, or of the config for `--host config`; None means the twin.

    Raises:
        UsageError: not an address.
    """
    if given is None:
        return None
    return parse_address(config.llm.native_base_url if given == FROM_CONFIG else given)


def client_for(address: Address, config: Config, environment: Mapping[str, str]) -> OllamaClient:
    """A client with the config's time limits, and its secrets as the environment has them."""
    limits = config.host.timeouts
    return OllamaClient(
        address,
        timeouts=Timeouts(limits.connect_ns, limits.first_byte_ns, limits.idle_ns),
        headers=dict(secret_headers(config.host, environment).pairs),
    )

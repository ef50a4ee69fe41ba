"""A client as the config describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.config.secrets import secret_headers
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.timeouts import Timeouts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.config.host import HostSection
    from toolkit.ollama.address import Address
    from toolkit.ollama.transport import Transport


def client_from_config(
    host: HostSection, environment: Mapping[str, str], address: Address, transport: Transport | None = None
) -> OllamaClient:
    """A client with the config's time limits, and the secrets that it names as the environment has them.

    `transport` takes the place of httpx.

    Raises:
        UsageError: a secret that the environment does not have.
    """
    limits = host.timeouts
    return OllamaClient(
        address,
        timeouts=Timeouts(limits.connect_ns, limits.first_byte_ns, limits.idle_ns),
        headers=dict(secret_headers(host, environment).pairs),
        transport=transport,
    )

"""Both transports under the same client: what is true of one must be true of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from toolkit.ollama.address import Address, parse_address
from toolkit.ollama.aiohttp_transport import AiohttpTransport
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.httpx_transport import HttpxTransport

if TYPE_CHECKING:
    from toolkit.ollama.transport import Transport


class ClientOf(Protocol):
    """Makes a client of a base URL, with the client's own keyword arguments."""

    def __call__(self, address: Address | str, **more: Any) -> OllamaClient: ...


@pytest.fixture(params=["httpx", "aiohttp"])
def client_of(request: pytest.FixtureRequest) -> ClientOf:
    """A client on each transport in turn."""

    def make(address: Address | str, **more: Any) -> OllamaClient:
        parsed = parse_address(address) if isinstance(address, str) else address
        transport: Transport = HttpxTransport(parsed) if request.param == "httpx" else AiohttpTransport(parsed)
        return OllamaClient(parsed, transport=transport, **more)

    return make

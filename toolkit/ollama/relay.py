"""A call that is passed on: the body as somebody else wrote it, the answer's bytes as they come, whatever they say.

For a gateway, which must not lose a field that this package does not know. Statuses that are not 2xx are an answer
like any other; only what happens below HTTP is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.ollama import failures
from toolkit.ollama.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolkit.ollama.failures import Where
    from toolkit.ollama.types import Times
    from toolkit.ollama.wire import WireRequest

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Relayed:
    """An answer that was passed on to its end."""

    status: int
    content_type: str
    times: Times


class RelayExchange(Exchange[bytes, Relayed]):
    """Hands on the bytes. A redirect is refused as everywhere: a gateway must not be sent elsewhere."""

    def __init__(self, request: WireRequest, where: Where) -> None:
        super().__init__(request, where)
        self._content_type = ""

    @property
    def status(self) -> int:
        """The status of the answer, 0 before its head."""
        return self._status

    @property
    def content_type(self) -> str:
        """The answer's media type as the server wrote it, empty if it wrote none."""
        return self._content_type

    def head(self, status: int, headers: Mapping[str, str], now_ns: int) -> None:
        """See `Exchange`; every status but a redirect is taken."""
        self._headers_ns = now_ns
        self._status = status
        self._content_type = headers.get("content-type", "")
        if status in _REDIRECTS:
            raise failures.redirect_error(self.where, status, headers.get("location", ""), self.progress())
        coding = headers.get("content-encoding", "identity")
        if coding != "identity":
            what = f"was answered compressed ({failures.quoted(coding)}), which nobody asked for"
            raise failures.protocol_error(self.where, what, self.progress())

    def data(self, chunk: bytes, now_ns: int) -> Iterator[bytes]:
        """The bytes themselves."""
        self.passed(chunk, now_ns)
        yield chunk

    def passed(self, chunk: bytes, now_ns: int) -> None:
        """As `data`, for whoever has the bytes already."""
        if chunk:
            self._has_body = True
            if self._first_token_ns is None:
                self._first_token_ns = now_ns
        self._last_token_ns = now_ns

    def end(self, now_ns: int) -> Iterator[bytes]:
        """The body is complete."""
        self._done_ns = now_ns
        self._answer = Relayed(self._status, self._content_type, self.times)
        return iter(())

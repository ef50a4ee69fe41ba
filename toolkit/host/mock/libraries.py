"""The HTTP libraries that the mock stands in for: httpx, and its successor httpx2 (which `openai` uses since 3.0).

respx knows how to step in between httpx and its connections; here it learns the same for httpx2. Errors are raised as
those of the connection layer, so that each library turns them into its own as it does with a real network.
"""

from __future__ import annotations

import errno
import importlib
import importlib.util
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from respx.mocks import HTTPCoreMocker

from toolkit.host.mock.errors import MockEndedError, MockStuckError
from toolkit.host.mock.exchange import Trouble

if TYPE_CHECKING:
    import httpx

_CUT_BEFORE = "Server disconnected without sending a response."
_CUT_WITHIN = "peer closed connection without sending complete message body (incomplete chunked read)"


class Httpcore2Mocker(HTTPCoreMocker):
    """What respx does for httpx's connections, for those of httpx2."""

    name: ClassVar[str] = "httpcore2"
    targets: ClassVar[list[str]] = [target.replace("httpcore.", "httpcore2.") for target in HTTPCoreMocker.targets]

    @classmethod
    def from_sync_httpx_response(cls, httpx_response: httpx.Response, target: Any, **_: Any) -> Any:
        """An answer in the connection layer's own class."""
        del target
        return importlib.import_module("httpcore2").Response(
            status=httpx_response.status_code,
            headers=httpx_response.headers.raw,
            content=httpx_response.stream,
            extensions=httpx_response.extensions,
        )


@dataclass(frozen=True, slots=True)
class Library:
    """An HTTP library by the module of its connection layer, which is also what respx calls it."""

    core: str

    @property
    def is_installed(self) -> bool:
        """Whether it is there to be stood in for."""
        return importlib.util.find_spec(self.core) is not None

    def error(self, trouble: Trouble, request: str, *, begun: bool) -> Exception:
        """What a client of this library meets with; `begun`: the head of the answer had come."""
        if trouble is Trouble.STUCK:
            return MockStuckError(
                f"{request} will never be answered: virtual time has nothing left to happen; "
                "give the client a time limit, or end the fault or the request that everything waits for"
            )
        if trouble is Trouble.ENDED:
            return MockEndedError(f"{request} was still under way when its mock ended; finish or close it before")
        core = importlib.import_module(self.core)
        if trouble is Trouble.TIMED_OUT:
            return _caused(core.ReadTimeout, TimeoutError("timed out"))
        if trouble is Trouble.REFUSED:
            return _caused(
                core.ConnectError, ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
            )
        if trouble is Trouble.RESET:
            return _caused(core.ReadError, ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)))
        cut: Exception = core.RemoteProtocolError(_CUT_WITHIN if begun else _CUT_BEFORE)
        return cut


LIBRARIES = (Library("httpcore"), Library("httpcore2"))


def _caused(kind: type[Exception], cause: OSError) -> Exception:
    error = kind(str(cause))
    error.__cause__ = cause
    return error

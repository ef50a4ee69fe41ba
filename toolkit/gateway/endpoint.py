"""What all endpoints do: read the body within its limits, notice a client that leaves, say what is refused."""

from __future__ import annotations

import asyncio
import logging
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from toolkit.gateway.deadline import deadline_of, too_late
from toolkit.gateway.http import CLIENT, ClientLeft, Limit, headers_of, read_body, while_here
from toolkit.gateway.outgoing import Outgoing
from toolkit.gateway.plain import failure
from toolkit.gateway.refusal import Refusal, Why
from toolkit.ollama.errors import OllamaError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.types import Receive, Scope, Send

NS_PER_S = 1_000_000_000
_log = logging.getLogger("hotswap.gateway")


class Answer(Protocol):
    """What one endpoint does with a body that is here."""

    def __call__(self, scope: Scope, body: bytes, out: Outgoing, /) -> Awaitable[None]:
        """Answer. Raises Refusal or OllamaError."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for every request; `refused` is told what is refused, and why."""

    body_bytes: int
    deadline_ns: int | None
    refused: Callable[[Why], None]


class Endpoint:
    """One endpoint, as ASGI; see the module."""

    def __init__(self, limits: Limits, answer: Answer) -> None:
        self._limits = limits
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        out = Outgoing(send, scope.get(CLIENT))
        try:
            await self._within(limit_of(headers_of(scope), self._limits.deadline_ns), scope, receive, out)
        except ClientLeft:
            return
        except Refusal as refusal:
            if not refusal.is_counted:
                self._limits.refused(refusal.why)
            await out.refuse(refusal, openai=scope["path"].startswith("/v1/"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is answered and the server lives
            _log.error("%s", where_it_failed(error))
            self._limits.refused(Why.BROKEN)
            broken = Refusal(Why.BROKEN, "the gateway itself failed; its log says where")
            await out.refuse(broken, openai=scope["path"].startswith("/v1/"))

    async def _within(self, limit: Limit | None, scope: Scope, receive: Receive, out: Outgoing) -> None:
        """Answer before the deadline. Raises Refusal when it is over, ClientLeft."""
        body = b""
        if scope["method"] not in {"GET", "HEAD"}:
            body = await read_body(scope, receive, self._limits.body_bytes, limit)
        await while_here(receive, self._work(scope, body, out), limit, scope.get(CLIENT))

    async def _work(self, scope: Scope, body: bytes, out: Outgoing) -> None:
        try:
            await self._answer(scope, body, out)
        except OllamaError as error:
            raise failure(error) from error


def limit_of(headers: Mapping[str, str], most_ns: int | None) -> Limit | None:
    """Until when a request that comes now must be answered, None for no limit. Raises Refusal."""
    limit_ns = deadline_of(headers, most_ns)
    if limit_ns is None:
        return None
    return Limit(asyncio.get_running_loop().time() + limit_ns / NS_PER_S, too_late(limit_ns))


def where_it_failed(error: BaseException) -> str:
    """The places in the code that an error came through, and its kind; its words may be somebody's prompt, or a key."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"the gateway failed: {type(error).__name__} at {places}"

"""The HTTP of the endpoints, in plain ASGI: bodies within limits, answers, and clients that go away."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from toolkit.gateway.refusal import Refusal, Why, stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping
    from contextlib import AbstractContextManager

    from starlette.types import Message, Receive, Scope, Send

BODY_S: Final = 300
"""How long a body may take to come: 64 MiB over two megabits a second."""
_JSON = "application/json"
_HEADERS: Final = "hotswap.headers"
Headers = tuple[tuple[str, str], ...]


CLIENT: Final = "hotswap.client"
"""Where the scope holds the client's connection, if the server is ours."""


class Client(Protocol):
    """The connection of a client, which the server itself tells of."""

    @property
    def has_asked(self) -> bool:
        """Whether the whole of its request is here: whoever reads the body need not wait."""
        ...

    @property
    def keeps_up(self) -> bool:
        """Whether it takes what it is sent: whoever sends need not wait."""
        ...

    def at_once(self) -> AbstractContextManager[None]:
        """What is sent while the block runs goes out in one go at its end."""
        ...

    def watch(self, left: Callable[[], None]) -> None:
        """Call this when the client goes away; one at a time."""
        ...

    def unwatch(self) -> None:
        """Do not."""
        ...


def headers_of(scope: Scope) -> dict[str, str]:
    """The request's headers, names in lower case; of several of one name, the first. Read once for each request."""
    found: dict[str, str] | None = scope.get(_HEADERS)
    if found is not None:
        return found
    found = scope[_HEADERS] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found


async def read_body(scope: Scope, receive: Receive, most_bytes: int, limit: Limit | None = None) -> bytes:
    """The whole body.

    A compressed one is refused: a few bytes of it can be gigabytes.

    Raises:
        Refusal: it is too long, by what it says or by what comes; it is compressed; it comes too slowly, or not within
            the limit.
        ClientLeft: the client has gone before its end.
    """
    headers = headers_of(scope)
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise Refusal(Why.ENCODED, "compressed bodies are not taken; send it as it is, without Content-Encoding")
    said = headers.get("content-length", "")
    client: Client | None = scope.get(CLIENT)
    if client is not None and client.has_asked:
        return await _read_all(said, receive, most_bytes)
    until_s = asyncio.get_running_loop().time() + BODY_S
    late = Refusal(Why.TOO_SLOW, f"the body was not here after {BODY_S} s")
    if limit is not None and limit.until_s < until_s:
        until_s, late = limit.until_s, limit.refusal
    try:
        async with asyncio.timeout_at(until_s):
            return await _read_all(said, receive, most_bytes)
    except TimeoutError:
        raise late from None


async def _read_all(said: str, receive: Receive, most_bytes: int) -> bytes:
    if said.isdecimal() and int(said) > most_bytes:
        raise _too_long(most_bytes)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        part = message.get("body", b"")
        size += len(part)
        if size > most_bytes:
            raise _too_long(most_bytes)
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_long(most_bytes: int) -> Refusal:
    return Refusal(Why.TOO_LARGE, f"the body is longer than {most_bytes} bytes, the limit (gateway.limits.body)")


class ClientLeft(Exception):  # noqa: N818 - nothing is wrong
    """The client has gone; nobody is there to answer."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Until when a request must be answered, on the loop's clock, and what is said then."""

    until_s: float
    refusal: Refusal


async def while_here(
    receive: Receive, work: Coroutine[Any, Any, None], limit: Limit | None = None, client: Client | None = None
) -> None:
    """Do the work, but stop at once when the client goes away or the time is over. The body must have been read.

    Without a `client` a task beside the work listens to `receive`.

    Raises:
        Refusal: what the work raises, or the limit's, or that the gateway is being stopped. Whoever keeps records is
            told by `cut_off_by`.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - coroutines run in tasks
    cancelling = task.cancelling()
    is_over = is_stopped = is_late = False

    def stop(late: Limit | None) -> None:
        nonlocal is_stopped, is_late
        if not is_over and not is_stopped:
            is_stopped, is_late = True, late is not None
            task.cancel(None if late is None else late.refusal)

    watched = client or _Listener(receive)
    watched.watch(partial(stop, None))
    timer = None if limit is None else asyncio.get_running_loop().call_at(limit.until_s, stop, limit)
    try:
        await work
    except asyncio.CancelledError as error:
        # As `asyncio.timeout` does: if somebody else wants the task to end, too, it goes on to end.
        if is_stopped and task.uncancel() <= cancelling:
            if is_late and limit is not None:
                raise limit.refusal from None
            return
        cut = cut_off_by(error)
        if cut is None or is_stopped:
            raise
        raise cut from None
    finally:
        is_over = True
        watched.unwatch()
        if timer is not None:
            timer.cancel()


def cut_off_by(error: asyncio.CancelledError) -> Refusal | None:
    """Why the work on a request was cancelled; None: nobody waits for it any more."""
    for reason in error.args:
        if isinstance(reason, Refusal):
            return reason
        if isinstance(reason, str):  # uvicorn's words, when the time for answers under way is over
            return stopping()
    return None


class _Listener:
    """Notices by ASGI's own means that the client goes away."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._task: asyncio.Future[None] | None = None

    def watch(self, left: Callable[[], None]) -> None:
        """See `Client`."""

        def ended(task: asyncio.Future[None]) -> None:
            if not task.cancelled():
                left()

        self._task = asyncio.ensure_future(self._has_left())
        self._task.add_done_callback(ended)

    def unwatch(self) -> None:
        """See `Client`."""
        if self._task is not None:
            self._task.cancel()

    async def _has_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def begin(send: Send, status: int, content_type: str, headers: Iterable[tuple[str, str]] = ()) -> None:
    """Send the head of an answer."""
    await send(start_message(status, content_type, headers))


def start_message(status: int, content_type: str, headers: Iterable[tuple[str, str]] = ()) -> Message:
    """The head of an answer, as ASGI has it."""
    return {"type": "http.response.start", "status": status, "headers": [*_raw(content_type, tuple(headers))]}


@lru_cache(maxsize=512)
def _raw(content_type: str, headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
    """As ASGI has them; kept, because nearly all answers have the same few."""
    kind = ((b"content-type", content_type.encode("latin-1")),) if content_type else ()
    return (*kind, *((name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers))


async def piece(send: Send, data: bytes, *, more: bool = True) -> None:
    """Send a piece of the body; waits while the client reads slower than that."""
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def whole(
    send: Send, status: int, body: bytes, content_type: str = _JSON, headers: Iterable[tuple[str, str]] = ()
) -> None:
    """Send a whole answer."""
    start = start_message(status, content_type, headers)
    start["headers"].append((b"content-length", b"%d" % len(body)))
    await send(start)
    await piece(send, body, more=False)


async def whole_json(
    send: Send, status: int, value: Mapping[str, Any], headers: Iterable[tuple[str, str]] = ()
) -> None:
    """Send a JSON answer."""
    await whole(send, status, as_json(value), headers=headers)


def as_json(value: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def refusal_headers(refusal: Refusal) -> Headers:
    """Retry-After, where it helps to come again; and what a client without a key should do."""
    headers: Headers = () if refusal.retry_s is None else (("retry-after", str(refusal.retry_s)),)
    if refusal.why is Why.NO_KEY:
        headers += (("www-authenticate", 'Bearer realm="hotswap"'),)
    return headers

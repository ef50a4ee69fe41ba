"""Pages about the twin itself, which Ollama does not have: `/twin/state` and `/twin/events`. Only served when asked."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from toolkit.host.realtime import RealtimeHost
    from toolkit.host.scheduler import Runner

MOST_EVENTS = 10_000


class EventLog:
    """Remembers the scheduler's latest events, numbered from 1."""

    def __init__(self) -> None:
        self._events: deque[dict[str, Any]] = deque(maxlen=MOST_EVENTS)
        self._count = 0

    def event(self, now_ns: int, name: str, **fields: Any) -> None:
        """See `toolkit.host.scheduler.Observer`."""
        self._count += 1
        shown = {key: _plain(value) for key, value in fields.items()}
        self._events.append({"number": self._count, "t_ns": now_ns, "event": name, **shown})

    def touched(self, now_ns: int, runner: Runner) -> None:
        """See `toolkit.host.scheduler.Observer`; nothing to remember."""

    def since(self, number: int) -> list[dict[str, Any]]:
        """Events after this number, as far as they are remembered."""
        return [event for event in self._events if event["number"] > number]


def _plain(value: Any) -> Any:
    """Requests by id, models and processes by name; numbers and texts as they are."""
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return getattr(value, "name", None) or getattr(value, "id", None) or str(value)


def inspector(host: RealtimeHost, events: EventLog) -> Starlette:
    """The pages."""

    async def state(_request: Request) -> JSONResponse:
        return JSONResponse(host.state())

    async def latest(request: Request) -> JSONResponse:
        since = request.query_params.get("since", "0")
        return JSONResponse({"events": events.since(int(since) if since.isdecimal() else 0)})

    return Starlette(routes=[Route("/twin/state", state), Route("/twin/events", latest)])

"""Listens on an address and serves an application until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.host.app.wire import Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from typing import Any

    from toolkit.host.app.wire import App
    from toolkit.host.faults.doors import PortDoors

LAST_MOMENTS_S = 2.0
"""How long cancelled requests may take to clean up."""
_BACKLOG = 2048


@contextlib.asynccontextmanager
async def listening(app: App, bind: str, port: int, doors: PortDoors | None = None) -> AsyncIterator[str]:
    """Serve while the block runs; gives the base URL. On leaving, open connections are closed as they are.

    `doors` can close the port meanwhile and open it again.

    Raises:
        UsageError: nobody can listen there.
    """
    loop = asyncio.get_running_loop()
    connections: set[Connection] = set()
    tasks: set[asyncio.Task[None]] = set()

    def listen(at_port: int) -> Coroutine[Any, Any, asyncio.Server]:
        return loop.create_server(lambda: Connection(app, connections, tasks), bind, at_port, backlog=_BACKLOG)

    try:
        server = await listen(port)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"cannot listen on {bind}:{port} ({reason}); give another --port, or 0 for any") from error
    port = server.sockets[0].getsockname()[1]
    if doors is not None:
        doors.attach(server, lambda: listen(port))
    try:
        yield base_url(bind, port)
    finally:
        server.close()
        if doors is not None:
            doors.close()
        for connection in tuple(connections):
            connection.close()
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_MOMENTS_S)
        for task in tuple(tasks):
            task.cancel()


def base_url(bind: str, port: int) -> str:
    """Where clients find a server that is bound so; a wildcard is reached over loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(bind, bind)  # noqa: S104 - nothing is bound here
    return f"http://[{host}]:{port}" if ":" in host and not host.startswith("[") else f"http://{host}:{port}"


async def serve(app: App, bind: str, port: int, ready: Callable[[str], None], doors: PortDoors | None = None) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called with the base URL once clients can connect."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with listening(app, bind, port, doors) as url:
            ready(url)
            await stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

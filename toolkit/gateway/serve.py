"""Listens, and serves the gateway until it is told to stop: uvicorn on uvloop, with what must run beside it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from typing import TYPE_CHECKING

import uvicorn

from toolkit.errors import UsageError
from toolkit.gateway.guard import SAFETY_HEADERS
from toolkit.gateway.patience import impatient, quiet_about_clients
from toolkit.replay.collector import calm_collector

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from toolkit.gateway.from_config import Gateway

GRACE_S = 10
"""How long answers under way may take to end once the gateway is told to stop."""
_BACKLOG = 2048
_IDLE_CONNECTION_S = 75
"""Clients rest between two requests longer than uvicorn's 5 s; what they send into a connection's end is lost."""
_COLLECT_EVERY_S = 60.0
_TURN_S = 0.0002
NS_PER_S = 1_000_000_000


def listen(bind: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        UsageError: nobody can listen there.
    """
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((bind, port))
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise UsageError(
            f"cannot listen on {bind}:{port} ({error.strerror or error}); give another --bind or --port"
        ) from error
    made.setblocking(False)
    return made


def base_url(bind: str, listening: socket.socket) -> str:
    """Where clients of this machine find the gateway."""
    port = listening.getsockname()[1]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - nothing is bound here
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(gateway: Gateway, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called once clients can connect. Answers under way may end."""
    config = uvicorn.Config(
        gateway.app,
        http=impatient(gateway.limits.head_ns / NS_PER_S, gateway.refused),
        limit_concurrency=gateway.limits.connections,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        headers=SAFETY_HEADERS,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=_IDLE_CONNECTION_S,
        h11_max_incomplete_event_size=1 << 16,
    )
    server = _Server(config, ready, gateway.fleet.stop)
    beside = [asyncio.create_task(gateway.fleet.keep_looking()), asyncio.create_task(_collect())]
    if gateway.idle is not None:
        beside.append(asyncio.create_task(gateway.idle.run()))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    try:
        with calm_collector(), _short_turns(), quiet_about_clients():
            await server.serve(sockets=[listening])
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await gateway.desk.aclose()
        if gateway.memory is not None:
            await gateway.memory.sessions.aclose()
        await gateway.fleet.aclose()


async def _collect() -> None:
    """Free what is held only by itself, once a minute, where the collector would do it whenever a thousand streams end.

    Nothing of a request is in circles; a summary that was broken off is, with the messages of its session.
    """
    while True:
        await asyncio.sleep(_COLLECT_EVERY_S)
        gc.collect()


@contextlib.contextmanager
def _short_turns() -> Generator[None, None, None]:
    """Threads that read and write sessions give the interpreter back soon.

    Left to its default, one of them keeps it for 5 ms while everybody's pieces wait.
    """
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)


class _Server(uvicorn.Server):
    """Uvicorn, which tells when it is ready and leaves signals to the owner of the process."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self._stopping = stopping

    def stop(self) -> None:
        """Take no more connections, let answers end; told again, end at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._stopping()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals are handled by `serve`."""
        yield

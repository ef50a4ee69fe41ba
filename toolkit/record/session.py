"""A recording from its start until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.record.relay import Relay
from toolkit.record.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.record.log import TraceLog
    from toolkit.record.relay import Upstream
    from toolkit.workload.traces.logged import LoggedRequest


@dataclass(slots=True)
class Tally:
    """What passed: requests that are in the trace, and calls that make no model work."""

    recorded: int = 0
    others: int = 0


async def record(
    upstream: Upstream, log: TraceLog, bind: str, port: int, ready: Callable[[int], None], *, texts: bool
) -> Tally:
    """Relay and write down until SIGINT or SIGTERM; `ready` gets the port once clients can connect.

    Requests under way at the end are cut, and written down as interrupted.

    Raises:
        UsageError: nobody can listen there.
    """
    tally = Tally()

    def keep(request: LoggedRequest | None) -> None:
        if request is None:
            tally.others += 1
        else:
            tally.recorded += 1
            log.append(request)

    relay = Relay(upstream, Sessions(f"{time.time_ns() // 1_000_000_000:x}"), keep, texts=texts)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with relay.listening(bind, port) as found:
            ready(found)
            await stop.wait()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)  # asyncio adds words of its own
        raise UsageError(f"cannot listen on {bind}:{port} ({reason}); give another --port, or 0 for any") from error
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return tally

"""Looks at `/api/ps`: one, or as many as a time holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.errors import HostError
from toolkit.ops.doctor.evidence import Look

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from toolkit.host.clock import Clock
    from toolkit.ops.doctor.asking import Asking

LOOK_EVERY_NS: Final = 500_000_000


async def look(asking: Asking, clock: Clock) -> Look:
    """One look; what goes wrong is in it."""
    began_ns = clock.now_ns()
    try:
        rows = await asking.client.ps()
    except HostError as error:
        return Look(began_ns, clock.wall_ns(), clock.now_ns() - began_ns, None, str(error))
    return Look(began_ns, clock.wall_ns(), clock.now_ns() - began_ns, rows)


async def look_for(asking: Asking, clock: Clock, watch_ns: int) -> tuple[Look, ...]:
    """Looks until the time is over; one at least, and two unless the time is 0."""
    looks = [await look(asking, clock)]
    until_ns = looks[0].at_ns + watch_ns
    while looks[-1].at_ns < until_ns:
        await clock.sleep_ns(min(LOOK_EVERY_NS, until_ns - looks[-1].at_ns))
        looks.append(await look(asking, clock))
    return tuple(looks)


async def look_on(asking: Asking, clock: Clock, every_ns: int) -> AsyncIterator[Look]:
    """Looks without end."""
    while True:
        yield await look(asking, clock)
        await clock.sleep_ns(every_ns)

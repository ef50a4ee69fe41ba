"""Puts a host back as it was found, at the end of any measurement, and says so if that fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from toolkit.errors import HostError
from toolkit.replay.hoststate import restore

if TYPE_CHECKING:
    from toolkit.replay.hoststate import Controls, HostState


async def put_back(host: Controls, before: HostState, ended: str | None) -> str | None:
    """Restore the host; `ended` with what went wrong added to it, if something did.

    A second Ctrl-C gives up, and says so.
    """
    try:
        await restore(host, before)
    except HostError as error:
        trouble = str(error)
    except asyncio.CancelledError:
        trouble = "interrupted again"
    else:
        return ended
    told = "" if ended is None else f"{ended}; "
    return f"{told}the host could not be put back as it was: {trouble}"

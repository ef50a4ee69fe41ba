"""Answers that come late or slowly. The counters in the answers know nothing of it, as with a slow network."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from toolkit.config.scalars import DelayNs
from toolkit.host.faults.when import RequestWhen
from toolkit.host.faults.wire import Link, OverError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """The server takes the request and does nothing, for a time (None: until the client goes); then all goes on."""

    for_ns: Annotated[DelayNs | None, Field(alias="for")] = None
    when: RequestWhen = field(default_factory=RequestWhen)


@dataclass(frozen=True, slots=True, kw_only=True)
class StallStream:
    """After so many pieces of the answer nothing comes, for a time (None: until the client goes); then the rest."""

    after_pieces: Annotated[int, Field(ge=1)] = 1
    for_ns: Annotated[DelayNs | None, Field(alias="for")] = None
    when: RequestWhen = field(default_factory=RequestWhen)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowTokens:
    """Every piece of the answer comes so much later than the model wrote it, and holds up those behind it."""

    pause_ns: Annotated[DelayNs, Field(alias="pause")] = 500_000_000
    when: RequestWhen = field(default_factory=RequestWhen)


class StallLink(Link[Stall]):
    """Stalls before the application hears of the request."""

    async def before(self) -> None:
        """See `Link`."""
        over = asyncio.ensure_future(self.wire.wait_ns(self.fault.for_ns))
        gone = asyncio.ensure_future(self.wire.gone())
        try:
            await asyncio.wait({over, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise OverError
        finally:
            over.cancel()
            gone.cancel()


class StallStreamLink(Link[StallStream]):
    """Stalls in the middle."""

    async def piece(self, message: dict[str, Any]) -> None:
        """See `Link`."""
        if self.pieces == self.fault.after_pieces:
            await self.wire.wait_ns(self.fault.for_ns)
        await self.pass_on(message)


class SlowTokensLink(Link[SlowTokens]):
    """Slows down."""

    async def piece(self, message: dict[str, Any]) -> None:
        """See `Link`."""
        await self.wire.wait_ns(self.fault.pause_ns)
        await self.pass_on(message)

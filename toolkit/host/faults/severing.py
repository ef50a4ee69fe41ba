"""Connections that are refused or broken off.

| fault  | served twin                                                          | mock                              |
|--------|----------------------------------------------------------------------|-----------------------------------|
| refuse | nobody listens on the port; a request on a connection that stands is reset | the request cannot connect  |
| reset  | TCP reset before the answer, or after some pieces of it              | the same, as the client sees it   |
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from toolkit.config.scalars import DelayNs
from toolkit.host.faults.when import RequestWhen
from toolkit.host.faults.wire import Link, OverError


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Nobody seems to listen: while the window of `when` lasts, if it knows only times; else from a request on.

    Then `for_ns` says how long; None is that one request. A connection that stands already is reset.
    """

    for_ns: Annotated[DelayNs | None, Field(alias="for")] = None
    when: RequestWhen = field(default_factory=RequestWhen)

    @property
    def is_window(self) -> bool:
        """Whether it is about a time and not about requests."""
        return self.for_ns is None and not self.when.needs_request


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """The connection is reset, before the answer or after so many pieces of it."""

    after_pieces: Annotated[int, Field(ge=0)] = 0
    when: RequestWhen = field(default_factory=RequestWhen)


class RefuseLink(Link[Refuse]):
    """Refuses."""

    async def before(self) -> None:
        """See `Link`."""
        wire = self.wire
        if self.fault.for_ns is not None:
            wire.doors.shut_for(self.fault.for_ns)
        if wire.connection is None:
            raise wire.cut()
        wire.connection.refuse()
        raise OverError


class ResetLink(Link[Reset]):
    """Resets."""

    async def before(self) -> None:
        """See `Link`."""
        if self.fault.after_pieces == 0:
            raise self.wire.reset()

    async def piece(self, message: dict[str, Any]) -> None:
        """See `Link`."""
        await self.pass_on(message)
        if self.pieces + 1 >= self.fault.after_pieces:
            raise self.wire.reset()

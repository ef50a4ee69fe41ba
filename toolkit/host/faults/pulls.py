"""Pulls that stop, begin again, bring the wrong bytes, or find no room on the disk."""

import json
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from toolkit.config.scalars import DelayNs
from toolkit.host.faults.when import RequestWhen
from toolkit.host.faults.wire import BODY, Link, OverError, Send, Wire

PULL_PATH = "/api/pull"
Percent = Annotated[float, Field(ge=0, le=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PullStops:
    """At so many percent of a blob the progress stops, for a time (None: until the client goes); then it goes on."""

    at_percent: Annotated[Percent, Field(alias="at")] = 50.0
    for_ns: Annotated[DelayNs | None, Field(alias="for")] = None
    when: RequestWhen = field(default_factory=RequestWhen)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRepeats:
    """At so many percent of a blob the progress falls back, and everything since then is shown once more."""

    at_percent: Annotated[Percent, Field(alias="at")] = 50.0
    back_to_percent: Annotated[Percent, Field(alias="back_to")] = 0.0
    when: RequestWhen = field(default_factory=RequestWhen)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullCorrupts:
    """The largest blob arrives broken: the pull ends with a digest that does not match, and nothing is installed."""

    when: RequestWhen = field(default_factory=RequestWhen)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullFillsDisk:
    """At so many percent of a blob the disk is full: an error line ends the pull, what was fetched so far stays.

    The words are those of the system that the server hands on (it gives up at once on ENOSPC).
    """

    at_percent: Annotated[Percent, Field(alias="at")] = 50.0
    when: RequestWhen = field(default_factory=RequestWhen)


@dataclass(slots=True)
class _Mark:
    """A point of the progress; it is met once."""

    at_percent: float
    met: bool = False

    def meets(self, line: dict[str, Any]) -> bool:
        """Whether this line is the first to reach it."""
        percent = percent_of(line)
        if self.met or percent is None or percent < self.at_percent:
            return False
        self.met = True
        return True


class PullStopsLink(Link[PullStops]):
    """Stops; the pull itself stops with it, since nobody takes what it says."""

    def __init__(self, fault: PullStops, wire: Wire, send: Send) -> None:
        super().__init__(fault, wire, send)
        self._mark = _Mark(fault.at_percent)

    async def piece(self, message: dict[str, Any]) -> None:
        """See `Link`."""
        await self.pass_on(message)
        if self._mark.meets(_line(message)):
            await self.wire.wait_ns(self.fault.for_ns)


class PullRepeatsLink(Link[PullRepeats]):
    """Repeats."""

    def __init__(self, fault: PullRepeats, wire: Wire, send: Send) -> None:
        super().__init__(fault, wire, send)
        self._mark = _Mark(fault.at_percent)
        self._shown: list[dict[str, Any]] = []
        self._digest: str | None = None

    async def piece(self, message: dict[str, Any]) -> None:
        """See `Link`."""
        line = _line(message)
        if line.get("digest") != self._digest:
            self._digest = line.get("digest")
            self._shown.clear()
        percent = percent_of(line)
        if percent is not None and percent >= self.fault.back_to_percent:
            self._shown.append(message)
        await self.pass_on(message)
        if self._mark.meets(line):
            for earlier in self._shown:
                await self.pass_on(earlier)


class PullFillsDiskLink(Link[PullFillsDisk]):
    """Ends the pull."""

    def __init__(self, fault: PullFillsDisk, wire: Wire, send: Send) -> None:
        super().__init__(fault, wire, send)
        self._mark = _Mark(fault.at_percent)

    async def piece(self, message: dict[str, Any]) -> None:
        """See `Link`."""
        await self.pass_on(message)
        line = _line(message)
        if not self._mark.meets(line):
            return
        path = f"/usr/share/ollama/.ollama/models/blobs/{str(line['digest']).replace(':', '-')}-partial"
        text = json.dumps({"error": f"write {path}: no space left on device"}, separators=(",", ":"))
        await self.pass_on({"type": BODY, "body": f"{text}\n".encode(), "more_body": True})
        await self.pass_on({"type": BODY, "body": b"", "more_body": False})
        raise OverError


def percent_of(line: dict[str, Any]) -> float | None:
    """How much of its blob a line reports, 0 to 100; None if it is about no blob."""
    total = line.get("total")
    return 100.0 * line.get("completed", 0) / total if isinstance(total, int) and total > 0 else None


def _line(message: dict[str, Any]) -> dict[str, Any]:
    try:
        line = json.loads(message["body"])
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}

"""What every handler works with; made once for an application."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.host.app.engine import Engine
    from toolkit.host.app.line import ServerLine
    from toolkit.host.clock import Clock
    from toolkit.host.library.catalog import Catalog
    from toolkit.host.library.registry import Registries
    from toolkit.host.speech.speakers import Speech

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class Services:
    """The parts of a twin. `ids` draws the names of answers and tool calls."""

    engine: Engine
    catalog: Catalog
    registries: Registries
    speech: Speech
    line: ServerLine
    clock: Clock
    cloud: bool = False
    """Whether models of the cloud would be served; the twin has none and says that they are disabled."""
    ids: random.Random = field(default_factory=lambda: random.Random(0))
    _second: int = -1
    _prefix: str = ""

    def timestamp(self) -> str:
        """Now, as RFC 3339 with nanoseconds and without trailing zeros."""
        seconds, fraction = divmod(self.clock.wall_ns(), _NS_PER_S)
        if seconds != self._second:
            self._second, self._prefix = seconds, _date(seconds)
        digits = f"{fraction:09d}".rstrip("0")
        return f"{self._prefix}.{digits}Z" if digits else f"{self._prefix}Z"

    def unix_s(self) -> int:
        """Now, in seconds since 1970."""
        return self.clock.wall_ns() // _NS_PER_S

    def today(self) -> dt.date:
        """The date, for templates that print it."""
        return dt.datetime.fromtimestamp(self.unix_s(), dt.UTC).date()

    def call_id(self) -> str:
        """The id of a tool call."""
        return "call_" + "".join(self.ids.choices(_LETTERS, k=8))

    def hex_id(self, prefix: str) -> str:
        """An id of 24 hexadecimal digits."""
        return f"{prefix}_{self.ids.randbytes(12).hex()}"


_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - plain arithmetic on dates up to the year 9999


def _date(seconds: int) -> str:
    return (_EPOCH + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def rfc3339(wall_ns: int) -> str:
    """A time since 1970 as the server writes times."""
    seconds, fraction = divmod(wall_ns, _NS_PER_S)
    digits = f"{fraction:09d}".rstrip("0")
    return f"{_date(seconds)}.{digits}Z" if digits else f"{_date(seconds)}Z"

"""First come, first served: nobody is ever overtaken, and every change of model in the stream is a swap."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from toolkit.cache.disciplines.base import Waiting


class FirstCome:
    """Bound: none is needed. What a server without a gateway in front of it does, but for models in memory."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: OrderedDict[int, Waiting] = OrderedDict()

    def arrived(self, request: Waiting) -> None:
        """See `Discipline`."""
        self._waiting[request.number] = request

    def next(self, now_ns: int, resident: Collection[str]) -> Waiting | None:  # noqa: ARG002 - order is all
        """The oldest."""
        return self._waiting.popitem(last=False)[1] if self._waiting else None

    def done(self, request: Waiting, service_ns: int) -> None:
        """See `Discipline`; nothing to learn."""

    def left(self, number: int) -> None:
        """See `Discipline`."""
        self._waiting.pop(number, None)

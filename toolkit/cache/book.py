"""What a client believes about a host's memory, from its own requests and from `/api/ps`. Pure, not thread-safe.

A belief is never more than that: the server evicts by rules of its own, models expire, other clients load and unload.
`reconcile` sets it right; how often it had to is the measure of what client-side bookkeeping is worth.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.cache.strategy import LoadedModel

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


@dataclass(frozen=True, slots=True)
class Drift:
    """Where belief and `/api/ps` disagreed.

    `missing`: models believed loaded that were not listed; `unexpected`: listed ones that were not believed loaded.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def agreed(self) -> bool:
        """True if they did not."""
        return not self.missing and not self.unexpected


@dataclass(frozen=True, slots=True)
class _Belief:
    """A row as we would expect it in `/api/ps`, and when we last had reason to believe it."""

    row: LoadedModel
    since_ns: int


class ResidencyBook:
    """The models believed loaded, least recently used first; idle ones make up to `max_models` (None: no limit).

    When one more is loaded than `max_models` allows, the least recently used idle one is believed to have made room.
    Whether it did is the server's decision; see `toolkit.cache.fixed`. All times are on one clock, of the caller's
    choice. A model of which only our own request is known has no digest and no sizes: an empty string and zeros.
    """

    def __init__(self, max_models: int | None, pinned: Collection[str] = ()) -> None:
        self._max_models = max_models
        self._pinned = frozenset(pinned)
        self._loaded: OrderedDict[str, _Belief] = OrderedDict()
        self._gone_ns: dict[str, int] = {}  # model → when we last had reason to believe it gone

    def rows(self) -> tuple[LoadedModel, ...]:
        """The models believed loaded, least recently used first."""
        return tuple(belief.row for belief in self._loaded.values())

    def names(self) -> tuple[str, ...]:
        """Their names, in the same order."""
        return tuple(self._loaded)

    def believes(self, model: str) -> bool:
        """Whether the model is believed loaded."""
        return model in self._loaded

    def expire(self, now_ns: int, busy: Collection[str]) -> None:
        """Forget models whose keep_alive has run out, except the busy ones: their timer does not run."""
        over = [
            (name, expires_at_ns)
            for name, belief in self._loaded.items()
            if (expires_at_ns := belief.row.expires_at_ns) is not None and expires_at_ns <= now_ns and name not in busy
        ]
        for name, expires_at_ns in over:
            self._forget(name, expires_at_ns)

    def unloaded(self, model: str, now_ns: int) -> None:
        """The model has been unloaded, or is about to be by our own call."""
        self._forget(model, now_ns)

    def touched(self, model: str) -> None:
        """A request for the model is about to be sent: it is the most recently used, if it is loaded."""
        if model in self._loaded:
            self._loaded.move_to_end(model)

    def answered(self, model: str, now_ns: int, expires_at_ns: int | None, busy: Collection[str]) -> None:
        """A request for the model was answered: it is loaded, and expires then (None: not known, or never)."""
        known = self._loaded.get(model)
        row = known.row if known else LoadedModel(model, "", 0, 0, None)
        self._loaded[model] = _Belief(replace(row, expires_at_ns=expires_at_ns), now_ns)
        if known is None and self._max_models is not None:
            self._make_room(model, self._max_models, now_ns, busy)

    def reconcile(self, listed: Sequence[LoadedModel], seen_ns: int) -> Drift:
        """Believe `/api/ps`, as it was asked for at `seen_ns`, except where something newer is known.

        Models that were not believed loaded count as the least recently used.
        """
        rows = {row.name: row for row in listed}
        missing = tuple(
            name for name, belief in self._loaded.items() if name not in rows and belief.since_ns <= seen_ns
        )
        unexpected = tuple(
            name for name in rows if name not in self._loaded and self._gone_ns.get(name, seen_ns) <= seen_ns
        )
        for name in missing:
            self._forget(name, seen_ns)
        for name, belief in self._loaded.items():
            if name in rows and belief.since_ns <= seen_ns:
                self._loaded[name] = _Belief(rows[name], seen_ns)
        for name in reversed(unexpected):
            self._loaded[name] = _Belief(rows[name], seen_ns)
            self._loaded.move_to_end(name, last=False)
            self._gone_ns.pop(name, None)
        return Drift(missing, unexpected)

    def _make_room(self, newcomer: str, max_models: int, now_ns: int, busy: Collection[str]) -> None:
        for name in tuple(self._loaded):
            if len(self._loaded) <= max_models:
                return
            if name != newcomer and name not in busy and name not in self._pinned:
                self._forget(name, now_ns)

    def _forget(self, model: str, now_ns: int) -> None:
        self._loaded.pop(model, None)
        self._gone_ns[model] = now_ns

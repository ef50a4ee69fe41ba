"""`lru-unload`: the client makes room before a load that needs it, by unloading the least recently used models.

The server then finds room and has no victim to choose, so its own order (shortest keep_alive, smallest digest) never
comes into play, as long as `Room` and `max_models` are not more generous than the server. If they are, the server
evicts as it always does.

What it does about the server's hazards:

- A model with own requests under way is never unloaded: the call would wait for them, and could be undone.
- keep_alive travels only with the request that loads a model. A request for a resident model carries none: the model
  keeps the duration it has, and should the server just be evicting it, the eviction is postponed, not undone. (A
  request that carries one overwrites the 0 by which the server evicts, and the load that waits then waits for the
  whole new duration.)
- Between the decision to unload a model and the answer of the request that wanted its room, the model counts as gone,
  though `/api/ps` may still list it: nobody decides to unload it twice, nobody counts on it, and a request for it
  carries no keep_alive, so that it cannot undo the unload.
- While a request of our own waits for another model's load, a request for a resident model carries no keep_alive even
  if the model has not got ours yet (someone else loaded it, or it came back after an unload): it may be the very
  victim that the load waits for. The duration is made up for by a later request.

What it cannot do: requests of other clients are invisible; an unload call answers before the memory is free again, so
whoever performs a directive should wait until `/api/ps` no longer lists the victims before it sends the request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cache.fixed import FOR_EVER_NS, RAM_NS
from toolkit.cache.strategy import Directive

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.cache.strategy import Access, Answer, HostView, Room


class LruUnload:
    """Unloads the least recently used idle models until the wanted one has room by count and by size.

    `max_models` (None: no limit) and `room` (None: unknown, counts as enough) say when there is room. `pinned` models
    are never unloaded and stay for ever once loaded. A model that this client has not used yet counts as older than
    any that it has, ties by name. If busy and pinned models alone leave no room, everything else is unloaded: the load
    needs that and more, and the server would take it anyway; `max_models` is then exceeded until the next load.
    """

    name = "lru-unload"
    reads_memory = True

    def __init__(
        self, max_models: int | None, room: Room | None, pinned: Iterable[str] = (), *, keep_alive_ns: int = RAM_NS
    ) -> None:
        self._max_models = max_models
        self._room = room
        self._pinned = frozenset(pinned)
        self._keep_alive_ns = keep_alive_ns
        self._uses = 0
        self._used: dict[str, int] = {}  # model → number of its last use
        self._leaving: dict[str, str] = {}  # model → the request for which it was unloaded
        self._kept: set[str] = set()  # resident models whose duration is the one we sent

    def before(self, access: Access, view: HostView) -> Directive:
        """Unloads for a load; a keep_alive for a load or for a model that someone else loaded; else nothing."""
        listed = {row.name for row in view.loaded}
        busy = {name for name, count in view.in_flight if count > 0}
        resident = listed.difference(self._leaving) | busy
        self._kept &= resident
        model = access.model
        unloads = () if model in resident else self._victims(model, resident, busy)
        keep_alive_ns = None
        # While a load of ours is pending, any resident model may be its victim.
        could_undo = model in listed and bool(busy - listed)
        if model not in self._kept and model not in self._leaving and not could_undo:
            keep_alive_ns = FOR_EVER_NS if model in self._pinned else self._keep_alive_ns
            self._kept.add(model)
        for victim in unloads:
            self._leaving[victim] = access.request_id
            self._kept.discard(victim)
        self._uses += 1
        self._used[model] = self._uses
        return Directive(keep_alive_ns=keep_alive_ns, unload_before=unloads)

    def after(self, access: Access, answer: Answer) -> None:  # noqa: ARG002 - however it ended, it has ended
        """The unloads made for this request are done, and the model it used is not on its way out any more."""
        self._leaving = {
            model: request_id
            for model, request_id in self._leaving.items()
            if request_id != access.request_id and model != access.model
        }

    def _victims(self, wanted: str, resident: set[str], busy: set[str]) -> tuple[str, ...]:
        candidates = sorted(resident - busy - self._pinned, key=lambda name: (self._used.get(name, 0), name))
        staying = set(resident)
        victims = []
        for victim in candidates:
            if self._has_room(wanted, staying):
                break
            staying.remove(victim)
            victims.append(victim)
        return tuple(victims)

    def _has_room(self, wanted: str, resident: set[str]) -> bool:
        if self._max_models is not None and len(resident) >= self._max_models:
            return False
        return not resident or self._room is None or self._room.fits(wanted, frozenset(resident))

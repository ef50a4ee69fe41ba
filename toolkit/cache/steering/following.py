"""A policy that follows a server from a client's side, and the hazards that a client must know.

The policy counts as resident what `/api/ps` lists and what own requests are about to load, without the models that were
chosen to leave. It is told of each access; on one that needs a load, its victims are predicted by what is known of the
host's room. A model that vanished though nobody predicted it was evicted if a load of ours was about, else it expired.

Hazards, each a rule here:

- *Undone eviction.* A server evicts by setting the victim's duration to 0; a request that carries a keep_alive
  overwrites the 0, and the load that waits then waits for the whole new duration. So while a load of ours is pending,
  no request for a listed model carries one (`may_carry`). The debt is made up for by a later request.
- *A victim counts as gone* from the decision until the answer of the request that wanted its room, though `/api/ps` may
  list it: nobody counts on it, and a request for it carries no keep_alive.
- *Busy models* are no victims: an unload call would wait for their answers, and could be undone.
- *Strangers.* A model that is listed though this client has not used it (somebody else's, one from before a crash, a
  preload) leaves before all others, by name. Its first use makes it one of ours.

After a crash a new client starts with nothing: what is listed are strangers. No state is needed to go on, and nothing
can be stuck: whatever the old client left expires by itself, or leaves first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.cache.policies.base import Item

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from toolkit.cache.policies.base import Policy
    from toolkit.cache.strategy import Access, Answer, HostView, Room


@dataclass(frozen=True, slots=True)
class Premises:
    """What is known of the host: limits, memory, models.

    `max_models`: None for no limit; `room`: None if nothing is known, which counts as enough. `pinned` models never
    leave. A model that `items` does not list counts 1 byte and 1 ns.
    """

    max_models: int | None
    room: Room | None
    pinned: frozenset[str]
    items: Mapping[str, Item]

    def has_room(self, wanted: str, resident: Collection[str]) -> bool:
        """Whether `wanted` can be loaded beside these."""
        if self.max_models is not None and len(resident) >= self.max_models:
            return False
        return not resident or self.room is None or self.room.fits(wanted, frozenset(resident))

    def item(self, name: str) -> Item:
        """What the policy is told about a model."""
        return self.items.get(name) or Item(name, 1, 1)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one access came to.

    `resident` is what counts as resident before it, `idle` what of that may leave; `is_resident` whether the model is
    among them, `may_carry` whether its request may carry a keep_alive; `victims` who leaves for its load, in order.
    """

    resident: frozenset[str]
    idle: frozenset[str]
    is_resident: bool
    may_carry: bool
    victims: tuple[str, ...]


class _Others:
    """Every name but one."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __contains__(self, name: object) -> bool:
        return name != self._name


class Following:
    """See the module. `policy` belongs to it alone."""

    __slots__ = ("_has", "_leaving", "_loading", "_policy", "_position", "premises")

    def __init__(self, policy: Policy, premises: Premises) -> None:
        self.premises = premises
        self._policy = policy
        self._position = 0
        self._has: set[str] = set()  # what the policy counts as resident
        self._leaving: dict[str, str] = {}  # victim → the request that wants its room
        self._loading = False  # whether a load of ours was about since the host was last quiet

    def access(self, access: Access, view: HostView, pending: Iterable[str] = ()) -> Turn:
        """Account for a request that is about to be sent. `pending` are loads that no request of ours waits for."""
        listed = {row.name for row in view.loaded}
        busy = {name for name, count in view.in_flight if count > 0}
        resident = listed.difference(self._leaving) | busy
        self._notice_the_vanished(resident, quiet=not busy)
        model, idle = access.model, frozenset(resident - busy - self.premises.pinned)
        is_resident = model in resident
        is_pending = bool((busy | set(pending)) - listed)
        may_carry = model not in self._leaving and not (model in listed and is_pending)
        item = self.premises.item(model)
        victims: tuple[str, ...] = ()
        if model in self._has:
            self._policy.hit(item, self._position, access.now_ns)
        else:
            self._policy.missed(item, self._position, access.now_ns)
            victims = () if is_resident else self._victims(item, resident, idle)
            self._policy.loaded(item, self._position, access.now_ns)
            self._has.add(model)
        self._loading = self._loading or not is_resident
        self._position += 1
        for victim in victims:
            self._leaving[victim] = access.request_id
        return Turn(frozenset(resident), idle, is_resident, may_carry, victims)

    def answered(self, access: Access, answer: Answer) -> None:  # noqa: ARG002 - however it ended, it has ended
        """Whoever was to leave for this request has left, and the model it used is not on its way out any more."""
        self._leaving = {
            model: request_id
            for model, request_id in self._leaving.items()
            if request_id != access.request_id and model != access.model
        }

    def _notice_the_vanished(self, resident: set[str], *, quiet: bool) -> None:
        for name in sorted(self._has - resident):
            # Asking for a victim among one is how a policy learns of an eviction that it did not choose.
            if not self._loading or self._policy.victim(self.premises.item(name), _Others(name)) is None:
                self._policy.gone(name)
        self._has &= resident
        if quiet:
            self._loading = False

    def _victims(self, wanted: Item, resident: set[str], idle: frozenset[str]) -> tuple[str, ...]:
        strangers = sorted(idle - self._has, reverse=True)
        may_not_leave = resident - idle
        staying = set(resident)
        victims = []
        while not self.premises.has_room(wanted.name, staying):
            victim = strangers.pop() if strangers else self._policy.victim(wanted, may_not_leave)
            if victim is None:
                break
            staying.remove(victim)
            self._has.discard(victim)
            victims.append(victim)
        return tuple(victims)

"""`steer(policy=…)`: durations where the server's own choice is right, unload calls where it is not, and preloads.

Durations carry the policy's order as far as it has one (see `by_keep_alive`). Before a load it is worked out whom the
server would evict by the durations that it has; only if the policy chooses others are these unloaded. So an orderly
policy costs no call at all, a duration that had to be left out is put right by one call, and a policy without an order
(S3-FIFO, next-use, ARC) is followed by calls alone.

A policy that looks ahead may have a model preloaded once the answer is there, if nothing else is under way and the
model fits beside the one just used. A preload carries no duration: the server's own (5 minutes, unless configured) is
shorter than all of ours, so a wrong guess is the first to leave. Until the preload is listed it counts as a pending
load: no request for a listed model carries a keep_alive.

A policy that gives each model a time to live (`histogram`) has it sent as the duration. As the server evicts the
*shortest* one, and the models in most use have the shortest gaps, durations alone would have the busiest model leave
first; so where the policy chooses another, that one is unloaded. Such a policy has a model brought back at a moment of
its own, and a client acts only when it has a request: so it is done after the first answer past that moment, if the
model fits beside all that are loaded. For the same reason no model leaves early to be brought back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.cache.fixed import RAM_NS
from toolkit.cache.policies.base import Foreseeing, Keeping, Prefetching
from toolkit.cache.steering.by_keep_alive import Durations
from toolkit.cache.steering.following import Following
from toolkit.cache.strategy import Directive

if TYPE_CHECKING:
    from collections.abc import Container

    from toolkit.cache.policies.base import Policy
    from toolkit.cache.steering.following import Premises, Turn
    from toolkit.cache.steering.ordered import Ordered
    from toolkit.cache.strategy import Access, Answer, HostView

PRELOAD_PATIENCE_NS: Final = 300_000_000_000
"""After the server's own limit for a load (5 m) a preload that is still not listed has failed."""
_UINT64: Final = 1 << 64


class ByBoth:
    """See the module. `order` is None for a policy that has none."""

    reads_memory = True

    def __init__(
        self, name: str, policy: Policy, order: Ordered | None, premises: Premises, *, keep_alive_ns: int = RAM_NS
    ) -> None:
        self.name = name
        keeping = policy if isinstance(policy, Keeping) else None
        self._durations = Durations(order, premises.pinned, keep_alive_ns, keeping)
        self._following = Following(policy, premises)
        self._ahead = policy if isinstance(policy, Prefetching) else None
        self._foreseeing = policy if isinstance(policy, Foreseeing) else None
        self._preloads: dict[str, int] = {}  # model → when it was asked for

    def before(self, access: Access, view: HostView) -> Directive:
        """Unloads if the server would choose wrongly, a duration if the model's place has changed, a preload."""
        listed = {row.name: row.digest for row in view.loaded}
        self._preloads = {
            name: asked_ns
            for name, asked_ns in self._preloads.items()
            if name not in listed and access.now_ns - asked_ns < PRELOAD_PATIENCE_NS
        }
        turn = self._following.access(access, view, self._preloads)
        self._durations.keep(turn.resident | listed.keys() | {access.model})
        unloads = turn.victims
        if unloads and self._server_chooses(access.model, turn, listed) == unloads:
            unloads = ()
        for victim in unloads:
            self._durations.forget(victim)
        if not turn.is_resident:
            self._durations.forget(access.model)
        keep_alive_ns = self._durations.for_request(access.model) if turn.may_carry else None
        return Directive(keep_alive_ns, unloads, self._preload(access, view, turn))

    def after(self, access: Access, answer: Answer) -> None:
        """A request that failed may not have brought its duration to the model, and is followed by no preload."""
        if not answer.ok:
            self._durations.forget(access.model)
            self._preloads.clear()
        self._following.answered(access, answer)

    def _server_chooses(self, wanted: str, turn: Turn, digests: dict[str, str]) -> tuple[str, ...] | None:
        """Whom the server would evict by itself; None if that depends on durations that are not known."""
        durations = {name: self._durations.given_ns(name) for name in turn.idle}
        if None in durations.values():
            return None
        order = sorted(turn.idle, key=lambda name: ((durations[name] or 0) % _UINT64, digests.get(name, "")))
        staying, chosen = set(turn.resident), []
        for name in order:
            if self._following.premises.has_room(wanted, staying):
                break
            staying.remove(name)
            chosen.append(name)
        return tuple(chosen)

    def _preload(self, access: Access, view: HostView, turn: Turn) -> tuple[str, ...]:
        """The model that usually follows, or that is expected back, if the host has nothing else to do."""
        if self._preloads or any(count > 0 for _, count in view.in_flight):
            return ()
        resident = turn.resident.difference(turn.victims) | {access.model}
        if self._ahead is not None:
            name, beside = self._ahead.wanted_next(resident), frozenset({access.model})
        elif self._foreseeing is not None:
            name, beside = self._expected(self._foreseeing, access.now_ns, resident), resident
        else:
            return ()
        if name is None or not self._following.premises.has_room(name, beside):
            return ()
        self._preloads[name] = access.now_ns
        return (name,)

    @staticmethod
    def _expected(policy: Foreseeing, now_ns: int, resident: Container[str]) -> str | None:
        while (name := policy.returning(now_ns)) is not None:
            if name not in resident:
                return name
        return None

"""`keepalive(policy=…)`: each request's keep_alive is chosen so that the server's own victim is the policy's.

The server evicts the idle model with the shortest duration. Durations a few nanoseconds to milliseconds apart, all
longer than the real time to live, make that order the policy's order: no unload call, no wait for one, no further
request. A request carries a duration only if the model's place in the order has changed, and never while a load is
pending (see `following`); what was left out then is made up for by the model's next request.

How exact that is, one request at a time and with the host's room known: the victim is the policy's choice, always, for
all policies whose order changes only by an access and only for the model accessed (LRU, LFU, LRU-K, LRFU). GDSF and
Landlord have a clock that rises with each eviction, and the newcomer's worth, sent with the very request that causes
the evictions, counts from it: they are as exact as the prediction of victims by `Room` and `max_models`. With neither
known the newcomer is rated by the clock before its own evictions, until its next use. With requests that overlap, a
model whose duration had to be left out stands too low until its next request.

What it cannot do: other clients' durations. A model that somebody else loaded with a longer one, or an earlier run of
this client, stays until it is used, or expires, or all others are gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cache.fixed import FOR_EVER_NS, RAM_NS
from toolkit.cache.steering.following import Following
from toolkit.cache.steering.ladder import Ladder
from toolkit.cache.strategy import Directive

if TYPE_CHECKING:
    from toolkit.cache.policies.base import Keeping, Policy
    from toolkit.cache.steering.following import Premises
    from toolkit.cache.steering.ordered import Ordered
    from toolkit.cache.strategy import Access, Answer, HostView


class Durations:
    """What a request carries: a new duration, or nothing. Shared by the ways of steering that use durations.

    `keeping` gives each model a real time to live; else durations carry an order, or are all the base.
    """

    __slots__ = ("_base_ns", "_keeping", "_ladder", "_order", "_pinned", "_sent")

    def __init__(
        self, order: Ordered | None, pinned: frozenset[str], base_ns: int, keeping: Keeping | None = None
    ) -> None:
        self._order = order
        self._keeping = keeping
        self._pinned = pinned
        self._base_ns = base_ns
        self._ladder = Ladder(base_ns, spread_ns=base_ns)
        self._sent: dict[str, int] = {}  # resident model → the duration that it has been given

    @property
    def ties(self) -> int:
        """How often two models had to share a duration."""
        return self._ladder.ties

    def given_ns(self, model: str) -> int | None:
        """The duration that the server has for a model, as far as we gave it one; negative: for ever."""
        return self._sent.get(model)

    def keep(self, names: frozenset[str]) -> None:
        """Forget the durations of models that have left."""
        self._sent = {name: sent_ns for name, sent_ns in self._sent.items() if name in names}
        self._ladder.keep(names)

    def forget(self, model: str) -> None:
        """It is not known whether the model has what it was sent."""
        self._sent.pop(model, None)
        self._ladder.forget(model)

    def for_request(self, model: str) -> int | None:
        """The duration for a request that may carry one; None if the model has it already."""
        if model in self._pinned:
            duration_ns = FOR_EVER_NS
        elif self._keeping is not None:
            duration_ns = self._keeping.keep_alive_ns(model)
        elif self._order is None:
            duration_ns = self._base_ns
        else:
            duration_ns = self._ladder.place(model, self._order.resident)
        if self._sent.get(model) == duration_ns:
            return None
        self._sent[model] = duration_ns
        return duration_ns


class ByKeepAlive:
    """See the module. `policy` and `order` are one object, or `order` is what lies beneath the policy."""

    reads_memory = True

    def __init__(
        self, name: str, policy: Policy, order: Ordered, premises: Premises, *, keep_alive_ns: int = RAM_NS
    ) -> None:
        self.name = name
        self.durations = Durations(order, premises.pinned, keep_alive_ns)
        self._following = Following(policy, premises)

    def before(self, access: Access, view: HostView) -> Directive:
        """The duration that puts the model in its place, if its place has changed."""
        turn = self._following.access(access, view)
        # A predicted victim may stay after all, with its duration; so all that is listed is remembered.
        self.durations.keep(turn.resident | {row.name for row in view.loaded} | {access.model})
        if not turn.may_carry:
            if not turn.is_resident:
                self.durations.forget(access.model)  # it comes back with a duration that is not ours
            return Directive()
        if not turn.is_resident:
            self.durations.forget(access.model)
        return Directive(keep_alive_ns=self.durations.for_request(access.model))

    def after(self, access: Access, answer: Answer) -> None:
        """A request that failed may not have brought its duration to the model."""
        if not answer.ok:
            self.durations.forget(access.model)
        self._following.answered(access, answer)

"""`unload(policy=…)`: the client makes room before a load that needs it, by unloading whom the policy chooses.

The server then finds room and has no victim to choose, so its own order (shortest keep_alive, smallest digest) never
comes into play, as long as `Room` and `max_models` are not more generous than the server. If they are, the server
evicts as it always does. Works with any policy, and costs an unload call and the wait for the memory.

keep_alive travels only with the request that loads a model, or with the first one for a model that somebody else
loaded; otherwise the model keeps the duration it has. What else is done about the server's hazards stands in
`following`.

What it cannot do: requests of other clients are invisible; an unload call answers before the memory is free again, so
whoever performs a directive should wait until `/api/ps` no longer lists the victims before it sends the request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cache.fixed import FOR_EVER_NS, RAM_NS
from toolkit.cache.steering.following import Following
from toolkit.cache.strategy import Directive

if TYPE_CHECKING:
    from toolkit.cache.policies.base import Policy
    from toolkit.cache.steering.following import Premises
    from toolkit.cache.strategy import Access, Answer, HostView


class ByUnloads:
    """Unloads whom the policy chooses until the wanted model has room by count and by size.

    Pinned models are never unloaded and stay for ever once loaded. If busy and pinned models alone leave no room,
    everything else is unloaded: the load needs that and more, and the server would take it anyway; `max_models` is then
    exceeded until the next load.
    """

    reads_memory = True

    def __init__(self, name: str, policy: Policy, premises: Premises, *, keep_alive_ns: int = RAM_NS) -> None:
        self.name = name
        self._following = Following(policy, premises)
        self._keep_alive_ns = keep_alive_ns
        self._kept: set[str] = set()  # resident models whose duration is the one we sent

    def before(self, access: Access, view: HostView) -> Directive:
        """Unloads for a load; a keep_alive for a load or for a model that someone else loaded; else nothing."""
        turn = self._following.access(access, view)
        self._kept &= turn.resident
        keep_alive_ns = None
        if turn.may_carry and access.model not in self._kept:
            is_pinned = access.model in self._following.premises.pinned
            keep_alive_ns = FOR_EVER_NS if is_pinned else self._keep_alive_ns
            self._kept.add(access.model)
        self._kept.difference_update(turn.victims)
        return Directive(keep_alive_ns=keep_alive_ns, unload_before=turn.victims)

    def after(self, access: Access, answer: Answer) -> None:
        """The unloads made for this request are done."""
        self._following.answered(access, answer)

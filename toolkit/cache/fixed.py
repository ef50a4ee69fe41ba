"""Strategies that say how long a model may stay and leave the choice of victims to the server.

None of them is an LRU cache, whatever the config's `eviction` says. When memory runs short the server evicts the idle
model with the shortest keep_alive, and among equals the one whose file has the smallest digest. With one keep_alive
for all models the victim is therefore always the same model, however hot it is: `max_models` and `eviction: lru` beside
`ram` or `ssd` are the client's bookkeeping and change nothing on the host. `lru-unload` is the strategy that makes the
server follow.

A pinned model gets a keep_alive without end. That does steer: the longest duration is evicted last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.cache.strategy import Directive

if TYPE_CHECKING:
    from toolkit.cache.strategy import Access, Answer, HostView

MINUTE_NS = 60 * 10**9
RAM_NS = 30 * MINUTE_NS
SSD_NS = 2 * MINUTE_NS
NOT_KEPT_NS = 0
FOR_EVER_NS = -1


@dataclass(frozen=True, slots=True)
class FixedKeepAlive:
    """Every request carries the same keep_alive; requests for `pinned` models carry one without end. Stateless.

    With `keep_alive_ns` 0 a model is unloaded after each answer, so every request loads unless another request for
    the model is under way.
    """

    name: str
    keep_alive_ns: int
    pinned: frozenset[str] = frozenset()

    @property
    def reads_memory(self) -> bool:
        """No: it asks for the same whatever is loaded."""
        return False

    def before(self, access: Access, view: HostView) -> Directive:  # noqa: ARG002 - the protocol's signature
        """The one keep_alive, whatever the host holds."""
        return Directive(keep_alive_ns=FOR_EVER_NS if access.model in self.pinned else self.keep_alive_ns)

    def after(self, access: Access, answer: Answer) -> None:
        """Nothing to learn."""


@dataclass(frozen=True, slots=True)
class ServerDefault:
    """Requests carry no keep_alive: the server's own setting (5 minutes unless configured) holds. The baseline.

    Pins are not honoured, because nothing is sent. Stateless.
    """

    name: str = "server-default"

    @property
    def reads_memory(self) -> bool:
        """No: it asks for the same whatever is loaded."""
        return False

    def before(self, access: Access, view: HostView) -> Directive:  # noqa: ARG002 - the protocol's signature
        """Ask for nothing."""
        return Directive()

    def after(self, access: Access, answer: Answer) -> None:
        """Nothing to learn."""

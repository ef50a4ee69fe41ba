"""What a class of architecture has to say: what each layer remembers between passes, and what one pass computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from toolkit.fit.cache import LayerMemory
    from toolkit.fit.passes import Pass
    from toolkit.fit.spec import Spec


class Family(Protocol):
    """One class of architecture; a module each beside this one."""

    @property
    def title(self) -> str:
        """The class as a table names it."""
        ...

    def remembers(self, spec: Spec) -> tuple[LayerMemory, ...]:
        """Caches and states, one entry a layer."""
        ...

    def draw(self, one_pass: Pass) -> None:
        """Describe one pass, from the token numbers to the logits."""
        ...

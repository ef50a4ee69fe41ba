"""What a class of architecture has to say: what each layer remembers between passes, and what one pass computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from toolkit.fit.passes import Pass
    from toolkit.fit.spec import Spec


@dataclass(frozen=True, slots=True)
class LayerMemory:
    """What one layer keeps between passes.

    `key_elements` and `value_elements` are per cell (0 for a layer without that cache); `window` limits the cells of a
    sliding layer; `state_elements` are f32 numbers a slot, one entry a buffer, whatever the context.
    """

    key_elements: int = 0
    value_elements: int = 0
    window: int | None = None
    state_elements: tuple[int, ...] = ()


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

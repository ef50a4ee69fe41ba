"""Architectures without a rule whose tensors are not those of any known class: a bound on the safe side.

Remembered: keys and values of every layer that has kv heads, full context; states are not known.
One pass is taken to hold, at its worst moment, the results of all products of one layer at once, three copies of the
hidden state, and the scores of all heads where flash attention is off. The estimate doubles even that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.cache import LayerMemory

if TYPE_CHECKING:
    from toolkit.fit.passes import Pass
    from toolkit.fit.spec import Block, Spec

_COPIES: Final = 3
_MATRIX: Final = 2


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known but tensors and heads."""

    title: str = "unknown"

    def remembers(self, spec: Spec) -> tuple[LayerMemory, ...]:
        """As if every layer with kv heads saw everything."""
        return tuple(LayerMemory(n * spec.key_length, n * spec.value_length) for n in spec.kv_heads)

    def draw(self, one_pass: Pass) -> None:
        """One result as wide as the widest layer, then the logits."""
        graph, spec, tokens = one_pass.graph, one_pass.spec, one_pass.size.tokens
        x = one_pass.embedded()
        for layer in one_pass.layers():
            width = _widths(one_pass.block(layer)) + _COPIES * spec.embedding
            scores = 0 if one_pass.size.flash else max(spec.heads, default=0) * one_pass.full.cells
            largest = max(one_pass.block(layer).values(), key=lambda tensor: tensor.nbytes)
            x = graph.new((width + scores, tokens), one_pass.weight(largest), x, one_pass.full.mask)
        (rows,) = one_pass.only_rows_out(x)
        one_pass.enter_head()
        logits = graph.product((spec.vocabulary, one_pass.size.rows_out), one_pass.head_weight(), rows)
        logits.is_output = True
        graph.run(logits)


def _widths(block: Block) -> int:
    """Widths of all products of a layer together; of expert tensors one expert's."""
    return sum(tensor.shape[1] for tensor in block.values() if len(tensor.shape) >= _MATRIX)

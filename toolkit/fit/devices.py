"""Which device computes which result of a pass, where there is a host and one GPU or more.

The engine decides in rounds (ggml-backend.cpp, ggml_backend_sched_split_graph):

1. What writes into a cache runs where the cache is. A step that uses weights runs where the first of them is; if that
   is the host and the step has 32 rows or more, the first GPU does it all the same and the weights are brought there.
   Rotations and fused attention do not follow their (small) weights.
2. Every other step joins its neighbours in the order of evaluation: GPUs spread first, down and then up, until a step
   of the host is in the way; then all devices spread, the host too. A step that a GPU cannot do is passed over.
3. What is still open goes where most of its sources are.

Devices are numbered, GPUs first; the last one is the host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.fit.graph import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.fit.graph import Tensor

OFFLOAD_ROWS: Final = 32
"""From so many rows on, work on weights of the host is done on a GPU (ggml-cuda.cu, offload_op)."""


def assign(order: Sequence[Tensor], host: int) -> None:
    """Give every tensor of the order its device. Inputs, weights and what writes into a cache have theirs already."""
    if host == 0:
        for tensor in order:
            tensor.device = tensor.gpu_extra_bytes = 0
        return
    steps = [tensor for tensor in order if tensor.computed]
    for step in steps:
        if step.device == NOWHERE:
            step.device = _wanted(step, host)
    _spread(steps, host, host_too=False)
    _spread(reversed(steps), host, host_too=False)
    _spread(steps, host, host_too=True)
    _spread(reversed(steps), host, host_too=True)
    for tensor in order:
        if tensor.computed:
            if tensor.device == NOWHERE:
                tensor.device = _where_most_sources_are(tensor, host)
            if tensor.device == host:
                tensor.gpu_extra_bytes = 0
        elif tensor.root is not None:
            tensor.device = tensor.root.device


def _wanted(step: Tensor, host: int) -> int:
    """The device that the step's weights ask for."""
    if not step.follows:
        return NOWHERE
    for source in step.sources:
        if source.is_weight:
            if source.device == host:
                return 0 if step.rows >= OFFLOAD_ROWS and not step.host_only else host
            return NOWHERE if step.host_only else source.device
    return NOWHERE


def _spread(steps: Iterable[Tensor], host: int, *, host_too: bool) -> None:
    """One round over the steps in one direction: open ones join the device of the last that has one."""
    current = NOWHERE
    for step in steps:
        if step.device != NOWHERE:
            current = step.device if host_too or step.device != host else NOWHERE
        elif current != NOWHERE and (current == host or not step.host_only):
            step.device = current


def _where_most_sources_are(step: Tensor, host: int) -> int:
    """The device with the most of the sources, the first of equals."""
    if step.host_only:
        return host
    homes = [source.root.device if source.root is not None else source.device for source in step.sources]
    return max(range(host + 1), key=homes.count)

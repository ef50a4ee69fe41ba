"""Gives every result of a pass a place, as the engine does, and reports how large each device's buffer becomes.

Rules (ggml's scheduler and graph allocator):
- results are computed in runs of one device (`devices.py` says which); what a run needs from another device is copied
  at its start, once a pass;
- a step with a weight of another device starts a new run if the present one has fetched anything, so that copies live
  briefly; so does a step that needs a copy when the run has fetched thirty;
- inputs are placed before anything else; so is what crosses devices when batches are pipelined, several times over;
- an element-wise result overwrites the first source of the same shape that nothing else needs and that is no view;
- memory is given back as soon as the last reader has run; outputs are never given back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.fit.arena import Arena
from toolkit.fit.devices import assign
from toolkit.fit.graph import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolkit.fit.graph import Graph

MOST_FETCHED: Final = 30
"""Copies that a run may begin with before a step that needs one more starts a new run (GGML_SCHED_MAX_SPLIT_INPUTS)."""


def peaks(graph: Graph, alignments: Sequence[int], copies: int = 1) -> tuple[int, ...]:
    """Bytes of each device's compute buffer for this pass.

    `alignments` has one entry a device; `copies` is how often the engine keeps what crosses devices (4 if pipelined).
    """
    order, first = graph.order, graph.inputs
    assign(order, len(alignments) - 1)
    if len(alignments) > 1:
        crossing = _Crossing(copies, len(alignments) - 1)
        order = crossing.routed(order)
        first = [*graph.inputs, *crossing.pinned]
    arenas = [Arena(alignment) for alignment in alignments]
    _count(order)
    for tensor in first:
        _place(tensor, arenas)
    for tensor in order:
        for source in tensor.sources:
            if not source.live:
                _place(source, arenas)
        _place(tensor, arenas)
        for source in tensor.sources:
            source.uses -= 1
            if not source.uses and not source.views:
                _release(source, arenas)
    return tuple(arena.peak_bytes for arena in arenas)


class _Crossing:
    """Puts copies into an order of results wherever one device needs what another has."""

    def __init__(self, copies: int, host: int) -> None:
        self.pinned: list[Tensor] = []
        """What a pipeline keeps for the whole pass, in the order in which it is placed."""
        self._copies = copies
        self._host = host
        self._made: dict[tuple[int, int], Tensor] = {}
        self._inputs: dict[int, Tensor] = {}

    def routed(self, order: Sequence[Tensor]) -> list[Tensor]:
        """The order with copies at the start of each run, and readers turned to them."""
        out: list[Tensor] = []
        for device, run in _runs(order):
            for tensor in run:
                if self._copies > 1 and tensor.computed:
                    self._inputs.update((id(source), source) for source in tensor.sources if source.is_input)
                if tensor.computed and any(source.device != device for source in tensor.sources):
                    tensor.sources = [self._here(source, device, out) for source in tensor.sources]
            out.extend(run)
        spare = [self._copy(tensor, tensor.device) for tensor in self._inputs.values() for _ in range(self._copies - 1)]
        self.pinned = [*spare, *self.pinned]
        return out

    def _here(self, source: Tensor, device: int, out: list[Tensor]) -> Tensor:
        """The source itself, or its copy on `device`, made once a pass."""
        if source.device == device:
            return source
        key = (id(source), device)
        if key not in self._made:
            made = self._copy(source, device)
            self._made[key] = made
            out += (_wait(source, device), made)
            if self._copies > 1:
                self._pin(source, made)
        return self._made[key]

    def _pin(self, source: Tensor, made: Tensor) -> None:
        made.is_output = True
        self.pinned += (made, *(self._copy(source, made.device) for _ in range(self._copies - 1)))

    def _copy(self, source: Tensor, device: int) -> Tensor:
        copy = Tensor(source.nbytes, source.shape, ())
        copy.device = device
        if source.kept and device != self._host:
            copy.gpu_extra_bytes = source.gpu_extra_bytes
        return copy


def _runs(order: Sequence[Tensor]) -> Iterator[tuple[int, list[Tensor]]]:
    """Stretches that one device computes; views go with whatever is around them."""
    run: list[Tensor] = []
    device: int | None = None
    fetched = 0
    brought: set[tuple[int, int]] = set()
    for tensor in order:
        if tensor.computed:
            foreign = [source for source in tensor.sources if source.device != tensor.device]
            needed = {(id(source), tensor.device) for source in foreign} - brought
            weighs = any(source.is_weight for source in foreign)
            full = fetched >= MOST_FETCHED and bool(needed)
            if tensor.device != device or (weighs and fetched) or full:
                if device is not None:
                    yield device, run
                    run, fetched = [], 0
                device = tensor.device
            fetched += len(needed)
            brought |= needed
        run.append(tensor)
    if device is not None:
        yield device, run


def _wait(source: Tensor, device: int) -> Tensor:
    """A step that keeps the original until the copy is made."""
    wait = Tensor(0, (), (source,), source.root or source)
    wait.waits = True
    wait.device = device
    return wait


def _count(order: Sequence[Tensor]) -> None:
    """How many read each tensor and look at it."""
    for tensor in order:
        if tensor.root is not None and not tensor.waits:
            tensor.root.views += 1
        for source in tensor.sources:
            source.uses += 1


def _place(tensor: Tensor, arenas: Sequence[Arena]) -> None:
    if tensor.live or tensor.root is not None:
        return
    tensor.live = True
    if tensor.may_overwrite:
        for source in tensor.sources:
            if _overwrites(tensor, source):
                return
    tensor.at = arenas[tensor.device].take(tensor.nbytes + tensor.gpu_extra_bytes)


def _overwrites(tensor: Tensor, source: Tensor) -> bool:
    """Take over the memory of `source` if it has the same shape and no other reader; a view is never taken over."""
    if source.root is not None or not source.live or source.is_output or source.shape != tensor.shape:
        return False
    if source.uses != 1 or source.views:
        return False
    tensor.at = source.at
    source.live = False
    return True


def _release(source: Tensor, arenas: Sequence[Arena]) -> None:
    """Give back what nobody needs any more."""
    owner = source
    if source.root is not None:
        owner = source.root
        owner.views -= 1
        if owner.views or owner.uses:
            return
    if owner.live and not owner.is_output:
        arenas[owner.device].give_back(owner.at, owner.nbytes + owner.gpu_extra_bytes)
        owner.live = False

"""Gives every result of a pass a place, as the engine does, and reports how large each device's buffer becomes.

Rules (ggml's scheduler and graph allocator):
- results are computed in runs of one device; what a run needs from another device is copied at its start, once a pass;
- inputs are placed before anything else;
- an element-wise result overwrites the first source of the same shape that nothing else needs and that is no view;
- memory is given back as soon as the last reader has run; outputs are never given back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.fit.arena import Arena
from toolkit.fit.graph import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolkit.fit.graph import Graph


def peaks(graph: Graph, alignments: Sequence[int]) -> tuple[int, ...]:
    """Bytes of each device's compute buffer for this pass; `alignments` has one entry a device."""
    order = _with_copies(graph.order) if len(alignments) > 1 else graph.order
    arenas = [Arena(alignment) for alignment in alignments]
    _count(order)
    for tensor in graph.inputs:
        _place(tensor, arenas)
    for tensor in order:
        for source in tensor.sources:
            _place(source, arenas)
        _place(tensor, arenas)
        for source in tensor.sources:
            _release(source, arenas)
    return tuple(arena.peak_bytes for arena in arenas)


def _with_copies(order: Sequence[Tensor]) -> list[Tensor]:
    """The order with copies at the start of each run of one device, and readers turned to them."""
    out: list[Tensor] = []
    copies: dict[tuple[int, int], Tensor] = {}
    for device, run in _runs(order):
        for tensor in run:
            if tensor.computed and any(source.device != device for source in tensor.sources):
                tensor.sources = [_here(source, device, copies, out) for source in tensor.sources]
        out.extend(run)
    return out


def _runs(order: Sequence[Tensor]) -> Iterator[tuple[int, list[Tensor]]]:
    """Stretches that one device computes; views go with whatever is around them."""
    run: list[Tensor] = []
    device: int | None = None
    for tensor in order:
        if tensor.computed and tensor.device != device:
            if device is not None:
                yield device, run
                run = []
            device = tensor.device
        run.append(tensor)
    if device is not None:
        yield device, run


def _here(source: Tensor, device: int, copies: dict[tuple[int, int], Tensor], out: list[Tensor]) -> Tensor:
    """The source itself, or its copy on `device`, made once a pass."""
    if source.device == device:
        return source
    key = (id(source), device)
    if key not in copies:
        copies[key] = _copy(source, device)
        out += (_wait(source, device), copies[key])
    return copies[key]


def _wait(source: Tensor, device: int) -> Tensor:
    """A step that keeps the original until the copy is made."""
    wait = Tensor(0, (), (source,), source.root or source)
    wait.waits = True
    wait.device = device
    return wait


def _copy(source: Tensor, device: int) -> Tensor:
    copy = Tensor(source.nbytes, source.shape, ())
    copy.device = device
    return copy


def _count(order: Sequence[Tensor]) -> None:
    for tensor in order:
        if tensor.root is not None and not tensor.waits:
            tensor.root.views += 1
        for source in tensor.sources:
            source.uses += 1


def _place(tensor: Tensor, arenas: Sequence[Arena]) -> None:
    if tensor.live or tensor.root is not None or tensor.kept:
        return
    tensor.live = True
    if tensor.may_overwrite:
        for source in tensor.sources:
            if _overwrites(tensor, source):
                return
    tensor.at = arenas[tensor.device].take(tensor.nbytes)


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
    source.uses -= 1
    if source.uses or source.views:
        return
    owner = source
    if source.root is not None:
        owner = source.root
        owner.views -= 1
        if owner.views or owner.uses:
            return
    if owner.live and not owner.is_output:
        arenas[owner.device].give_back(owner.at, owner.nbytes)
        owner.live = False

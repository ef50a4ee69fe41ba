"""The results that one pass over a model produces, in the order in which the engine computes them.

A class of architecture describes a pass by calling `Graph`: each call adds a result with its size and what it is made
from. The order of evaluation is not the order of the calls: as in ggml, a result is scheduled when it, or something
made from it, is first asked for (`run`), after everything it needs, left to right.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

F32: Final = 4
F16: Final = 2
I32: Final = 4
I64: Final = 8

Shape = tuple[int, ...]


class Tensor:
    """A result, an input, or a view of one.

    `shape` has the fastest dimension first. `strided` marks a view that is not the whole of what it looks at, in order.
    `root` is the tensor whose memory a view shares. `kept` marks memory that is not
    planned (weights, caches). `computed` is False for views and inputs, which no device has to run; `waits` marks a
    step that only keeps its source alive.
    """

    __slots__ = (
        "at", "computed", "device", "is_input", "is_output", "is_weight", "kept", "live", "may_overwrite", "nbytes",
        "root", "scheduled", "shape", "sources", "strided", "uses", "views", "waits",
    )  # fmt: skip

    def __init__(self, nbytes: int, shape: Shape, sources: Sequence[Tensor], root: Tensor | None = None) -> None:
        self.nbytes = nbytes
        self.shape = shape
        self.sources = sources
        self.root = root
        self.computed = False
        self.strided = False
        self.may_overwrite = False
        self.is_input = False
        self.is_output = False
        self.is_weight = False
        self.kept = False
        self.scheduled = False
        self.waits = False
        self.device = 0
        self.uses = 0
        self.views = 0
        self.at = 0
        self.live = False


class Graph:
    """One pass under construction. `device` is the number of the device on which new results are computed."""

    def __init__(self, device: int = 0, host: int = 0) -> None:
        self.order: list[Tensor] = []
        self.inputs: list[Tensor] = []
        self.device = device
        self.host = host  # inputs are written there

    def feed(self, nbytes: int) -> Tensor:
        """An input that the host writes before the pass."""
        tensor = Tensor(nbytes, (nbytes,), ())
        tensor.is_input = True
        tensor.device = self.host
        return tensor

    def kept(self, nbytes: int, device: int) -> Tensor:
        """Memory outside the plan that a pass reads or writes: a cache, or a weight on another device."""
        tensor = Tensor(nbytes, (nbytes,), ())
        tensor.kept = True
        tensor.device = device
        return tensor

    def new(self, shape: Shape, *sources: Tensor, item_bytes: int = F32, extra_bytes: int = 0) -> Tensor:
        """A result that needs memory of its own."""
        tensor = Tensor(prod(shape) * item_bytes + extra_bytes, shape, sources)
        tensor.computed = True
        tensor.device = self.device
        return tensor

    def over(self, *sources: Tensor) -> Tensor:
        """An element-wise result shaped like its first source; it may overwrite a source that nothing else needs."""
        tensor = self.new(sources[0].shape, *sources)
        tensor.may_overwrite = True
        return tensor

    def view(self, source: Tensor, shape: Shape, *more: Tensor, item_bytes: int = F32) -> Tensor:
        """The whole of a tensor under another shape."""
        tensor = Tensor(prod(shape) * item_bytes, shape, (source, *more), source.root or source)
        tensor.device = source.device
        tensor.strided = source.strided
        return tensor

    def part(self, source: Tensor, shape: Shape, item_bytes: int = F32, *, spans: bool = False) -> Tensor:
        """A strided or shifted view: some of a tensor, or all of it in another order.

        `spans` says that it reaches over the whole, as a view without a shape of interest does: a copy of it would be
        as large as that.
        """
        tensor = self.view(source, shape, item_bytes=item_bytes)
        if spans or not shape:
            tensor.nbytes = source.nbytes
        tensor.strided = True
        return tensor

    def store(self, cache: Tensor, *sources: Tensor) -> Tensor:
        """Rows written into a cache: takes no memory, but waits for what it writes."""
        tensor = Tensor(0, (), sources, cache)
        tensor.computed = True
        tensor.device = cache.device
        return tensor

    def run(self, *tensors: Tensor) -> None:
        """Schedule these results and, before each, all that it needs."""
        for tensor in tensors:
            if tensor.scheduled:
                continue
            tensor.scheduled = True
            if tensor.sources:
                self.run(*tensor.sources)
                self.order.append(tensor)
            elif tensor.is_input:
                self.inputs.append(tensor)

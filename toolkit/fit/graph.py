"""The results that one pass over a model produces, in the order in which the engine computes them.

A class of architecture describes a pass by calling `Graph`: each call adds a result with its size and what it is made
from. The order of evaluation is not the order of the calls: as in ggml, a result is scheduled when it, or something
made from it, is first asked for (`run`), after everything it needs, left to right. Which device computes a result is
not said here; that is for `devices.py` to find.
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
NOWHERE: Final = -1
"""The device of a result of which it is not yet known."""

Shape = tuple[int, ...]


class Tensor:
    """A result, an input, or a view of one.

    `shape` has the fastest dimension first. `strided` marks a view that is not the whole of what it looks at, in order.
    `root` is the tensor whose memory a view shares. `kept` marks memory that is not
    planned (weights, caches). `computed` is False for views and inputs, which no device has to run; `waits` marks a
    step that only keeps its source alive.

    What decides on the device: `rows` (how many a step works on at once, by the engine's own count), `follows` (False
    if its weights have no say), `host_only` (no GPU can do it). `gpu_extra_bytes` are needed in a GPU's buffer only.
    """

    __slots__ = (
        "at", "computed", "device", "follows", "gpu_extra_bytes", "host_only", "is_input", "is_output", "is_weight",
        "kept", "live", "may_overwrite", "nbytes", "root", "rows", "scheduled", "shape", "sources", "strided", "uses",
        "views", "waits",
    )  # fmt: skip

    def __init__(self, nbytes: int, shape: Shape, sources: Sequence[Tensor], root: Tensor | None = None) -> None:
        self.nbytes = nbytes
        self.shape = shape
        self.sources = sources
        self.root = root
        self.computed = self.strided = self.may_overwrite = self.is_input = self.is_output = self.is_weight = False
        self.kept = self.scheduled = self.waits = self.host_only = self.live = False
        self.follows = True
        self.device = NOWHERE
        self.rows = self.gpu_extra_bytes = self.uses = self.views = self.at = 0


class Graph:
    """One pass under construction. `host` is the number of the device that writes the inputs, the last one."""

    def __init__(self, host: int = 0) -> None:
        self.order: list[Tensor] = []
        self.inputs: list[Tensor] = []
        self.host = host

    def feed(self, nbytes: int) -> Tensor:
        """An input that the host writes before the pass."""
        tensor = Tensor(nbytes, (nbytes,), ())
        tensor.is_input = True
        tensor.device = self.host
        return tensor

    def kept(self, nbytes: int, device: int, *, gpu_extra_bytes: int = 0) -> Tensor:
        """Memory outside the plan that a pass reads or writes: a cache, or weights."""
        tensor = Tensor(nbytes, (nbytes,), ())
        tensor.kept = tensor.scheduled = tensor.live = True
        tensor.views = 1  # it is never given back
        tensor.device = device
        tensor.gpu_extra_bytes = gpu_extra_bytes
        return tensor

    def weight(self, nbytes: int, device: int, *, gpu_extra_bytes: int = 0) -> Tensor:
        """Weights, which draw the steps that use them to their device."""
        tensor = self.kept(nbytes, device, gpu_extra_bytes=gpu_extra_bytes)
        tensor.is_weight = True
        return tensor

    def new(self, shape: Shape, *sources: Tensor, item_bytes: int = F32, rows: int | None = None) -> Tensor:
        """A result that needs memory of its own. `rows` as the engine counts them: all rows, if not given."""
        tensor = Tensor(prod(shape) * item_bytes, shape, sources)
        tensor.computed = True
        tensor.rows = prod(shape[1:]) if rows is None else rows
        return tensor

    def product(self, shape: Shape, *sources: Tensor) -> Tensor:
        """A product of matrices, whose rows are those of one matrix."""
        return self.new(shape, *sources, rows=shape[1])

    def over(self, *sources: Tensor) -> Tensor:
        """An element-wise result shaped like its first source; it may overwrite a source that nothing else needs."""
        tensor = self.new(sources[0].shape, *sources)
        tensor.may_overwrite = True
        return tensor

    def inside(self, source: Tensor) -> Tensor:
        """An element-wise result that is written into its source, whoever else reads that."""
        tensor = self.view(source, source.shape)
        tensor.computed = True
        tensor.rows = prod(source.shape[1:])
        return tensor

    def view(self, source: Tensor, shape: Shape, *more: Tensor, item_bytes: int = F32) -> Tensor:
        """The whole of a tensor under another shape."""
        nbytes = source.nbytes if source.strided else prod(shape) * item_bytes
        tensor = Tensor(nbytes, shape, (source, *more), source.root or source)
        tensor.strided = source.strided
        return tensor

    def part(self, source: Tensor, shape: Shape, item_bytes: int = F32, *, width: int | None = None) -> Tensor:
        """A strided or shifted view: some of a tensor, or all of it in another order.

        `width` tells how many items of the source lie between the rows of the view: a copy spans the gaps, too. A view
        without a shape of interest is all of its source.
        """
        tensor = self.view(source, shape, item_bytes=item_bytes)
        tensor.nbytes = prod(shape) * item_bytes if shape else source.nbytes
        if width is not None:
            rows = source.nbytes // (width * item_bytes)
            tensor.nbytes = ((rows - 1) * width + prod(shape) // rows) * item_bytes
        tensor.strided = True
        return tensor

    def store(self, cache: Tensor, *sources: Tensor) -> Tensor:
        """Rows written into a cache: takes no memory, but waits for what it writes, and runs where the cache is."""
        tensor = Tensor(0, (), sources, cache)
        tensor.computed = True
        tensor.device = cache.device
        return tensor

    def run(self, *tensors: Tensor) -> None:
        """Schedule these results and, before each, all that it needs."""
        for tensor in tensors:
            if not tensor.scheduled:
                self._schedule(tensor)

    def _schedule(self, tensor: Tensor) -> None:
        tensor.scheduled = True
        if tensor.sources:
            for source in tensor.sources:
                if not source.scheduled:
                    self._schedule(source)
            self.order.append(tensor)
        elif tensor.is_input:
            self.inputs.append(tensor)

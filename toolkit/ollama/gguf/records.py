"""What a GGUF header says: plain records, no I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from toolkit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.ollama.gguf.types import StorageType

Scalar: TypeAlias = bool | int | float | str


class GgufError(InputError):
    """A model file, or the description of one, cannot be used; the message says where it stops making sense."""


@dataclass(frozen=True, slots=True)
class ArrayValue:
    """A metadata array. `items` is None where it was skipped for its length (vocabularies, merges)."""

    element: str
    length: int
    items: tuple[Scalar, ...] | None


Value: TypeAlias = Scalar | ArrayValue


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor: shape fastest dimension first, offset from the start of the data section.

    `part` is the number of the file it lies in, for models split over several files.
    """

    name: str
    shape: tuple[int, ...]
    storage: StorageType
    offset: int = 0
    part: int = 0

    @property
    def elements(self) -> int:
        """Product of the dimensions."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the data, without the padding that follows it in the file."""
        return self.storage.row_bytes(self.elements)


@dataclass(frozen=True, slots=True)
class Header:
    """Everything of a model file but its weights.

    `data_offset` is where the data section starts (None for a description that came from `/api/show`);
    `file_bytes` is the size of the file or files (None where only the header was at hand).
    """

    name: str
    version: int
    byte_order: str
    metadata: Mapping[str, Value]
    tensors: tuple[TensorInfo, ...]
    data_offset: int | None
    file_bytes: int | None

    @property
    def tensor_bytes(self) -> int:
        """Sum over the tensors, without padding."""
        return sum(tensor.nbytes for tensor in self.tensors)

    @property
    def architecture(self) -> str:
        """`general.architecture`. Raises GgufError if it is missing."""
        value = self.metadata.get("general.architecture")
        if not isinstance(value, str) or not value:
            raise GgufError(f"{self.name}: no general.architecture in the metadata; is it a model and not an adapter?")
        return value

"""What is known of a GGUF file: its header, as far as the API shows it.

The recorded world describes its models by a few numbers; from them `facts_of` makes the header that such a file has.
Real files are read by `toolkit.ollama.gguf`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

FILE_TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
              12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
              32: "BF16"}  # fmt: skip
_THOUSAND, _MILLION, _BILLION = 10**3, 10**6, 10**9


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """One tensor: name, type as printed (`F16`), shape with the fastest dimension first."""

    name: str
    type: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GgufFacts:
    """The header of a file: metadata in no particular order, tensors in file order."""

    metadata: tuple[tuple[str, Any], ...]
    tensors: tuple[TensorFacts, ...]
    _by_key: dict[str, Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", dict(self.metadata))

    def get(self, key: str, default: Any = None) -> Any:
        """A metadata value; a key without a dot-prefix belongs to the architecture, as `block_count`."""
        found = self._by_key
        if key in found:
            return found[key]
        return found.get(f"{found.get('general.architecture', 'unknown')}.{key}", default)

    @property
    def architecture(self) -> str:
        """`general.architecture`."""
        return str(self.get("general.architecture", "unknown"))

    @property
    def parameter_count(self) -> int:
        """As the header says, else the sum over the tensors."""
        known = self.get("general.parameter_count")
        if isinstance(known, int):
            return known
        total = 0
        for tensor in self.tensors:
            size = 1
            for length in tensor.shape:
                size *= length
            total += size
        return total

    @property
    def file_type(self) -> str:
        """`F16`, `Q4_K_M`, …; `unknown` if the header does not say."""
        return FILE_TYPES.get(self.get("general.file_type", -1), "unknown")

    @property
    def chat_template(self) -> str:
        """The Jinja template in the file, or the empty string."""
        return str(self.get("tokenizer.chat_template", "") or "")

    @property
    def embeds(self) -> bool:
        """Whether it is an embedding model: the header has a pooling type."""
        return self.get("pooling_type") is not None


def human_number(count: int) -> str:
    """`1.34M`: a parameter count as the server writes it."""
    for unit, letter, digits in ((_BILLION, "B", 1), (_MILLION, "M", 2)):
        if count >= unit:
            return f"{count // unit}{letter}" if count % unit == 0 else f"{count / unit:.{digits}f}{letter}"
    return f"{count / _THOUSAND:.0f}K" if count >= _THOUSAND else str(count)


def model_info(facts: GgufFacts, *, verbose: bool) -> dict[str, Any]:
    """The metadata as `/api/show` prints it: sorted, without name and chat template, arrays only where asked for."""
    shown: dict[str, Any] = {}
    for key, value in sorted(facts.metadata):
        if key in {"general.name", "tokenizer.chat_template"}:
            continue
        if isinstance(value, tuple):
            shown[key] = list(value) if verbose or not value else None
        else:
            shown[key] = value
    return shown

"""The host that a mock simulates: that of a config, or one with models that a test names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolkit.config.scalars import canonical_model_name
from toolkit.config.twin_default import DEFAULT_MODELS
from toolkit.config.twin_parts import TwinModelSection
from toolkit.config.units import parse_size_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.config.twin import TwinSection

_GB = 10**9
_BILLIONS = re.compile(r"(?<![0-9.])([0-9]+(?:\.[0-9]+)?)b(?![a-z0-9])", re.IGNORECASE)
_BYTES_PER_PARAMETER = 0.62
"""Of a file quantised to Q4_K_M, as most are."""
_GUESSED_BYTES = 4_700_000_000
_EMBEDDER_BYTES = 274_000_000
# Blocks, embedding length, heads and heads of the cache of common models, up to a size of the file.
_GEOMETRIES = (
    (1 * _GB, (24, 896, 14, 2)),
    (3 * _GB, (28, 3072, 24, 8)),
    (7 * _GB, (28, 3584, 28, 4)),
    (13 * _GB, (48, 5120, 40, 8)),
    (30 * _GB, (64, 5120, 40, 8)),
)
_LARGEST_GEOMETRY = (80, 8192, 64, 8)
_CONTEXT = 32_768


def host_with(section: TwinSection, models: Iterable[str] | Mapping[str, Any] | None) -> TwinSection:
    """The host with these models instead of its own: names, or names with sizes (`"4.7GB"`) or fields of a config.

    A name that the host knows keeps its figures; of others they are guessed from the size, and that from the name.
    Raises pydantic's ValidationError for a wrong name or field, UnitError for a wrong size.
    """
    if models is None:
        return section
    known = {canonical_model_name(model.name): model for model in (*DEFAULT_MODELS, *section.models)}
    given = models if isinstance(models, Mapping) else dict.fromkeys(models)
    made = tuple(_model(name, what, known.get(canonical_model_name(name))) for name, what in given.items())
    return section.model_copy(update={"models": made})


def _model(name: str, what: Any, known: TwinModelSection | None) -> TwinModelSection:
    if isinstance(what, TwinModelSection):
        return what
    if what is None and known is not None:
        return known
    fields = dict(what) if isinstance(what, Mapping) else {}
    size = what if isinstance(what, str) else fields.pop("size", None)
    size_bytes = _guessed_bytes(name) if size is None else size if isinstance(size, int) else parse_size_bytes(size)
    return TwinModelSection.model_validate({**_guess(name, size_bytes), **fields})


def _guessed_bytes(name: str) -> int:
    found = _BILLIONS.search(name)
    if found is not None:
        return max(round(float(found[1]) * _GB * _BYTES_PER_PARAMETER), 50_000_000)
    return _EMBEDDER_BYTES if _embeds(name) else _GUESSED_BYTES


def _embeds(name: str) -> bool:
    return "embed" in name or name.startswith(("bge", "all-minilm"))


def _guess(name: str, size_bytes: int) -> dict[str, Any]:
    geometry = next((shape for most, shape in _GEOMETRIES if size_bytes <= most), _LARGEST_GEOMETRY)
    blocks, embedding_length, heads, kv_heads = geometry
    return {
        "name": name,
        "size": size_bytes,
        "architecture": "bert" if _embeds(name) else "llama",
        "blocks": blocks,
        "embedding_length": embedding_length,
        "head_count": heads,
        "head_count_kv": kv_heads,
        "context_length": _CONTEXT,
        "embedding": _embeds(name),
    }

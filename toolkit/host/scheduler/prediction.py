"""How much memory the server believes a model will take, before it starts anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.host.scheduler.specs import ModelSpec

KEY_AND_VALUE = 2
F16_BYTES = 2


def effective_context(num_ctx: int, trained_context: int) -> int:
    """The context a process gets: never more than the trained one (0 = the header does not say)."""
    return min(num_ctx, trained_context) if trained_context > 0 else num_ctx


def cache_bytes_per_token(model: ModelSpec) -> int:
    """Predicted cache of one token: keys and values of every layer at the smallest head count, 16 bits each.

    Source: `behaviour.md` section 2, "When is there room?". A count of 0 kv heads is taken as 1; without any
    attention head there is no cache.
    """
    head_length = model.embedding_length // model.head_count if model.head_count > 0 else 0
    return KEY_AND_VALUE * model.block_count * max(model.head_count_kv, 1) * head_length * F16_BYTES


def predicted_bytes(model: ModelSpec, total_context: int) -> int:
    """Size of the file plus the predicted cache for `total_context` tokens (context of a slot x slots)."""
    return model.file_bytes + cache_bytes_per_token(model) * total_context

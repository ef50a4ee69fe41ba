"""The host of the textbooks: N places, models all of one size. For traces whose models nobody has.

A CPU host, so that the number of loaded models is the limit and not memory, and the hits of a policy can be checked
against any other implementation of it. The places take all of the RAM: nothing is left for a page cache, and every load
reads the disk.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from toolkit.host.machine import HostHardware
from toolkit.host.scheduler import ModelSpec
from toolkit.host.timing import HostSpeeds, ModelCost
from toolkit.host.twin_spec import TwinModel, TwinSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTEXT_TOKENS = 4096
EQUAL_COST = ModelCost(
    file_bytes=5_000_000_000,
    weights_bytes=5_000_000_000,
    kv_bytes_per_token=65_536,
    compute_bytes=300_000_000,
    layers=33,
    prefill_tok_per_s=2000.0,
    decode_tok_per_s=60.0,
    cpu_prefill_tok_per_s=2000.0,
    cpu_decode_tok_per_s=60.0,
)
"""A model of 5 GB that answers as fast as one on a GPU; only its equality with the others matters."""


def equal_twin(names: Iterable[str], slots: int, speeds: HostSpeeds, profile: str, server_version: str) -> TwinSpec:
    """A twin with room for `slots` of the named models, whichever they are."""
    ram_bytes = slots * EQUAL_COST.need_bytes(CONTEXT_TOKENS)
    models = tuple(TwinModel(_spec(name), EQUAL_COST) for name in sorted(set(names)))
    return TwinSpec(
        hardware=HostHardware((), ram_bytes, ram_bytes),
        models=models,
        environment=(("OLLAMA_MAX_LOADED_MODELS", str(slots)),),
        profile=profile,
        server_version=server_version,
        speeds=speeds,
        jitter_sigma=0.0,
        description=f"{slots} equal places, {len(models)} models of 5 GB",
    )


def _spec(name: str) -> ModelSpec:
    return ModelSpec(
        name=name,
        digest=hashlib.sha256(name.encode()).hexdigest(),
        file_bytes=EQUAL_COST.file_bytes,
        architecture="llama",
        block_count=EQUAL_COST.layers - 1,
        embedding_length=4096,
        head_count=32,
        head_count_kv=8,
        context_length=CONTEXT_TOKENS,
    )

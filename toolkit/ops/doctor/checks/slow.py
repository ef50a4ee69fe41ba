"""Combinations that are known to be slow, to be without effect, or to deceive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.fit.flash import has_kernel
from toolkit.host.scheduler.batch import BATCH_TIERS, surcharge_bytes
from toolkit.ops.doctor.check import Check, Finding, ok, skipped, warn
from toolkit.ops.doctor.wording import gib, listed

if TYPE_CHECKING:
    from toolkit.ops.doctor.evidence import Evidence, ModelWish, Shown

_PLAIN_CACHE: Final = frozenset({"f16", "f32", "bf16"})


def _quantised_cache(evidence: Evidence) -> str | None:
    kind = (evidence.wishes.setting("OLLAMA_KV_CACHE_TYPE") or "f16").lower()
    return None if kind in _PLAIN_CACHE else kind


def _plain_cache(evidence: Evidence) -> str:
    return evidence.wishes.set_command("OLLAMA_KV_CACHE_TYPE", "f16")


def _wished(evidence: Evidence) -> list[tuple[ModelWish, Shown]]:
    pairs = {wish.name: (wish, evidence.of_shown(wish.name)) for wish in evidence.wishes.models}
    return [(wish, shown) for wish, shown in pairs.values() if shown is not None]


class CacheWithoutFlash(Check):
    """A quantised cache has the flash attention that it needs."""

    id = "cache-without-flash"
    title = "Quantised cache, no flash attention"
    why = "Without flash attention values cannot be quantised: the setting has no effect, the cache is twice as large."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        kind = _quantised_cache(evidence)
        if kind is None:
            return ok("the cache is not quantised")
        if evidence.wishes.server.flash_attention is False:
            found = f"OLLAMA_KV_CACHE_TYPE={kind} with OLLAMA_FLASH_ATTENTION off"
            return warn(found, evidence.wishes.set_command("OLLAMA_FLASH_ATTENTION", 1))
        old = [gpu.name for gpu in evidence.wishes.gpus or () if not gpu.has_flash_attention]
        if old and evidence.wishes.server.flash_attention is None:
            return warn(
                f"OLLAMA_KV_CACHE_TYPE={kind}, but {listed(old)} has no flash attention", _plain_cache(evidence)
            )
        return ok(f"{kind}, and flash attention is not off")


class CacheWithoutKernel(Check):
    """The GPU can compute attention over a quantised cache for every model."""

    id = "cache-without-kernel"
    title = "Quantised cache, no kernel"
    why = "For some head sizes CUDA has no flash attention kernel: over a quantised cache it then runs on the CPU."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        kind = _quantised_cache(evidence)
        if kind is None:
            return ok("the cache is not quantised")
        if evidence.wishes.gpus == ():
            return skipped("the config's host has no GPU")
        slow = [wish.name for wish, shown in _wished(evidence) if shown.spec is not None and not has_kernel(shown.spec)]
        if slow:
            return warn(f"OLLAMA_KV_CACHE_TYPE={kind} with {listed(slow)}", _plain_cache(evidence))
        return ok(f"{kind}, and every known model has a kernel")


class CacheOnCpu(Check):
    """A CPU host does not quantise its cache."""

    id = "cache-on-cpu"
    title = "Quantised cache on a CPU"
    why = "A CPU unpacks a quantised cache for every token, and has memory enough for a plain one."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        kind, rows = _quantised_cache(evidence), evidence.last_rows
        if kind is None:
            return ok("the cache is not quantised")
        if evidence.wishes.gpus == () or (rows and all(row.vram_bytes == 0 for row in rows)):
            return warn(f"OLLAMA_KV_CACHE_TYPE={kind} on a host without a GPU", _plain_cache(evidence))
        return ok("the host has a GPU")


class LargeBatch(Check):
    """No explicit batch costs gigabytes in the server's eyes."""

    id = "large-batch"
    title = "Large num_batch"
    why = "An explicit num_batch of 1024 or 2048 adds 0.75 or 2 GiB to the prediction: others are evicted for it."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        if not evidence.profile.automatic_batch:
            return ok(f"{evidence.profile.name} has no surcharge")
        large = []
        for wish, shown in _wished(evidence):
            batch = wish.number("num_batch") or shown.number("num_batch") or 0
            if surcharge_bytes(batch):
                large.append(f"{wish.name}: num_batch {batch} costs {gib(surcharge_bytes(batch))}")
        if large:
            return warn(
                "; ".join(large),
                f"leave num_batch out, or below {BATCH_TIERS[-1].num_batch}: the server then chooses and steps down",
            )
        return ok("no model asks for a batch with a surcharge")


class SingleSlot(Check):
    """Several slots are asked for only where a model can have them."""

    id = "single-slot"
    title = "Slots that are not given"
    why = "Some architectures get one slot whatever OLLAMA_NUM_PARALLEL says: their requests queue."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        slots = evidence.wishes.server.num_parallel
        if slots <= 1:
            return ok("one slot is asked for")
        single = [
            f"{wish.name} ({shown.architecture})"
            for wish, shown in _wished(evidence)
            if shown.architecture in evidence.profile.single_slot_architectures
        ]
        if single:
            return warn(
                f"OLLAMA_NUM_PARALLEL={slots}, but one for {listed(single)}",
                "plan with one request at a time for them, or take another model",
            )
        return ok(f"every known model can have {slots}")


class PsWrong(Check):
    """`/api/ps` tells the truth about memory."""

    id = "ps-wrong"
    title = "Memory of sliding windows"
    why = "For sliding windows /api/ps leaves out the cache of the full layers, and the scheduler believes it."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        if evidence.profile.fit != "prediction":
            return ok(f"{evidence.profile.name} counts them")
        sliding = [shown.name for shown in evidence.shown if shown.slides]
        if sliding:
            fix = f"go by hotswap fit {' '.join(sliding)} or nvidia-smi, and ask for a num_ctx that fits by those"
            return warn(f"{listed(sliding)}: size_vram is too low", fix)
        return ok("no model of the config has sliding windows")

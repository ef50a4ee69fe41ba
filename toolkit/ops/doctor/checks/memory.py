"""Does everything have room, and who has to go if not?"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from toolkit.fit.estimate import estimate
from toolkit.ops.doctor.check import Check, Finding, ok, skipped, warn
from toolkit.ops.doctor.household import DESCRIBE, Household, NotKnown, household_of
from toolkit.ops.doctor.wording import gib, listed, span

if TYPE_CHECKING:
    from toolkit.ollama.types import RunningModel
    from toolkit.ops.doctor.evidence import Evidence, Look, ModelWish

NATURAL_SHARE: Final = 0.10
"""So much of a model that is not known may belong on the host: token embeddings, logits, buffers."""
ESTIMATE_SLACK: Final = 0.03
"""Of the size, beside what is estimated to stay on the host."""
_A_PAIR: Final = 2
_SHOWN_SWAPS: Final = 4


class FitTogether(Check):
    """All models of the config have room at the same time."""

    id = "fit-together"
    title = "The models fit together"
    why = "Models that do not fit at the same time take turns: each change is a swap that somebody waits for."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        home = household_of(evidence)
        if isinstance(home, NotKnown):
            return skipped(home.reason, home.fix)
        if home.really:
            return ok(f"{listed(home.names)} fit in {gib(home.room.total_bytes)} at the same time")
        swaps = [f"{one} and {other}" for one, other in home.swaps]
        more = f" and {len(swaps) - _SHOWN_SWAPS} more pairs" if len(swaps) > _SHOWN_SWAPS else ""
        pairs = f"; these take turns: {'; '.join(swaps[:_SHOWN_SWAPS])}{more}" if swaps else ""
        return warn(
            f"{listed(home.names)} do not fit in {gib(home.room.total_bytes)} together{pairs}",
            _shorter(home, evidence.wishes.file),
        )


class EightyPercent(Check):
    """The server believes that they fit, too."""

    id = "eighty-percent"
    title = "The server lets them stay"
    why = (
        "v0.32 evicts when prediction and surcharge pass 80 % of what it believes is free, though everything would fit."
    )

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        if evidence.profile.fit != "prediction":
            return ok(f"{evidence.profile.name} has no such rule")
        home = household_of(evidence)
        if isinstance(home, NotKnown):
            return skipped(home.reason, home.fix)
        if not home.really:
            return skipped("they do not fit anyway, see fit-together")
        if home.believed:
            return ok("prediction and surcharge of all of them stay within 80 % of what is free")
        stays = listed(home.sets.by_ollama[0]) if home.sets.by_ollama else "no two of them"
        return warn(
            f"they fit, but the server evicts all the same; what it lets stay: {stays}",
            _shorter(home, evidence.wishes.file),
        )


def _shorter(home: Household, file: str) -> str:
    """What makes room: contexts with which all stay, if there are any."""
    contexts = home.contexts_for_all()
    if contexts is None:
        return f"no context is short enough; what else would do: hotswap fit --config {file}"
    options = "; ".join(f"{name}: options: {{num_ctx: {context}}}" for name, context in sorted(contexts.items()))
    return f"shorter contexts, in llm.models: {options}"


class MaxModels(Check):
    """The server keeps as many models as the config counts on."""

    id = "max-models"
    title = "Number of models"
    why = "Beyond its own limit the server evicts, however much memory is free, and whatever the config hopes for."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        wanted, gpus, profile = evidence.wishes.max_models, evidence.wishes.gpus, evidence.profile
        limit = evidence.wishes.server.max_loaded_models
        if limit:
            source = "OLLAMA_MAX_LOADED_MODELS in host.settings"
        elif gpus is not None:
            limit, source = profile.models_per_gpu * max(len(gpus), 1), f"{profile.models_per_gpu} for each GPU"
        elif wanted <= profile.models_per_gpu:
            return ok(f"max_models {wanted}, and the server keeps at least {profile.models_per_gpu} by default")
        else:
            return skipped(f"max_models is {wanted}, the server's limit is 3 for each GPU", DESCRIBE)
        if wanted <= limit:
            return ok(f"max_models {wanted}, the server keeps {limit} ({source})")
        found = f"max_models is {wanted}, but the server keeps {limit} ({source})"
        return warn(found, evidence.wishes.set_command("OLLAMA_MAX_LOADED_MODELS", wanted))


class EvictionOrder(Check):
    """The server's choice of a victim is not left to digests."""

    id = "eviction-order"
    title = "Who is evicted"
    why = "The server evicts the shortest keep_alive; among equal ones the smallest digest goes, however hot it is."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`. The digest is that of the GGUF blob (the FROM line of `/api/show`), not that of the manifest."""
        keep_ns = evidence.wishes.keep_alive_ns
        blobs = {
            shown.blob: wish.name
            for wish in evidence.wishes.models
            if not wish.pinned and (shown := evidence.of_shown(wish.name)) is not None and shown.blob is not None
        }
        if keep_ns == 0:
            return ok("the config's keep_alive is 0: models go by themselves")
        if evidence.wishes.embedded:
            return skipped("no config says how long models are kept", "hotswap doctor --config FILE")
        if len(blobs) < _A_PAIR:
            return ok("fewer than two models of the config have the same keep_alive")
        home = household_of(evidence)
        if isinstance(home, Household) and _all_stay(evidence, home):
            return ok("all keep_alives are equal, but nobody has to go")
        victim = min(blobs)
        keep = "for ever" if keep_ns < 0 else span(keep_ns)
        first = f"{blobs[victim]} (blob {victim[:12]})"
        found = f"all models are kept {keep}, so the first to go is always {first}, unless it is busy"
        compare = f"hotswap compare scenarios/working-day.yaml --config {evidence.wishes.file}"
        return warn(found, f"{compare} says which strategy costs least")


def _all_stay(evidence: Evidence, home: Household) -> bool:
    """Whether the server keeps all models: by number, by real need and, in lines that have it, by the 80 % rule."""
    profile = evidence.profile
    few_enough = len(home.tenants) <= profile.max_loaded(home.room.specs(), evidence.wishes.server)
    return few_enough and home.really and (home.believed or profile.fit != "prediction")


class PartialOffload(Check):
    """Loaded models are wholly on the GPU."""

    id = "partial-offload"
    title = "Wholly on the GPU"
    why = "Layers on the CPU are read at the speed of the RAM: a tenth of them there can halve the tokens a second."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`. Token embeddings and a few buffers belong on the host; they do not count."""
        rows = evidence.last_rows
        if not rows:
            return ok("no model is loaded")
        if evidence.wishes.gpus == ():
            return skipped("the config's host has no GPU")
        spilled = [row for row in rows if spills(evidence, row)]
        if not spilled:
            return ok(f"{listed([row.name for row in rows])}: nothing on the CPU that belongs on a GPU")
        if all(row.vram_bytes == 0 for row in rows) and evidence.wishes.gpus is None:
            return warn(
                f"{listed([row.name for row in rows])} run on the CPU alone",
                "nvidia-smi; journalctl -u ollama | grep -i gpu",
            )
        found = "; ".join(
            f"{row.name} has {gib(row.size_bytes - row.vram_bytes)} of {gib(row.size_bytes)} on the CPU"
            + (f" at a context of {row.context_length}" if row.context_length else "")
            for row in spilled
        )
        names = " ".join(row.name for row in spilled)
        return warn(
            found, f"hotswap fit {names} --host {evidence.reach.url} names the cheapest change that makes it fit"
        )


def spills(evidence: Evidence, row: RunningModel) -> bool:
    """Whether more of a model lies on the host than belongs there."""
    on_host = row.size_bytes - row.vram_bytes
    wish = next((wish for wish in evidence.wishes.models if wish.name == row.name), None)
    return on_host > _natural_bytes(evidence, row, wish)


def _natural_bytes(evidence: Evidence, row: RunningModel, wish: ModelWish | None) -> float:
    """What the engine keeps on the host though every layer is on a GPU; a share where the model is not known."""
    home = household_of(evidence) if wish else None
    tenants = home.tenants if isinstance(home, Household) else ()
    tenant = next((one for one in tenants if one.name == row.name), None)
    if tenant is None:
        return NATURAL_SHARE * row.size_bytes
    return estimate(tenant.spec, tenant.setting).host.total_bytes + ESTIMATE_SLACK * row.size_bytes


class SpillAfterContext(Check):
    """No model left the GPU because its context grew."""

    id = "spill-after-context"
    title = "Context and GPU memory"
    why = (
        "A longer context needs more memory for its cache; what does not fit any more moves to the CPU without a word."
    )

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        answered = [look for look in evidence.looks if look.rows is not None]
        if not any(look.rows for look in answered):
            return ok("no model is loaded")
        for before, after in pairwise(_loaded_steps(answered)):
            if before.name != after.name or before.context_length is None or after.context_length is None:
                continue
            if (
                after.context_length > before.context_length
                and spills(evidence, after)
                and not spills(evidence, before)
            ):
                grew = f"{after.name} grew from a context of {before.context_length} to {after.context_length}"
                on_cpu = f"{gib(after.size_bytes - after.vram_bytes)} of it are on the CPU"
                fit = f"hotswap fit {after.name} --host {evidence.reach.url}"
                return warn(f"{grew}, and now {on_cpu}", f"ask for num_ctx {before.context_length}, or: {fit}")
        return ok(f"no model grew out of the GPU in {len(answered)} looks")


def _loaded_steps(looks: list[Look]) -> list[RunningModel]:
    """Each model's states in order of time, model by model, without repetitions."""
    states: dict[str, list[RunningModel]] = {}
    for look in looks:
        for row in look.rows or ():
            known = states.setdefault(row.name, [])
            if not known or known[-1].context_length != row.context_length:
                known.append(row)
    return [row for known in states.values() for row in known]

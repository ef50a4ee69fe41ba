"""What a run needs, made once from the config: router, options by model, the twin, its memory rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.room import SlotRoom
from toolkit.errors import UsageError
from toolkit.experiment.client import ClientSetup, asked_models, client_setup
from toolkit.experiment.facts import HostFacts
from toolkit.experiment.items import items_of, memory_bytes
from toolkit.experiment.memory import memory_told
from toolkit.host.equal import equal_twin
from toolkit.host.from_config import twin_from_config
from toolkit.host.room import TwinRoom

if TYPE_CHECKING:
    from toolkit.config.models import Config
    from toolkit.host.room import TwinResident
    from toolkit.host.twin_spec import TwinSpec
    from toolkit.workload.plan import Plan

MOST_MODELS_FOR_SETS = 8
"""Up to so many models the report lists which sets can live together; the number of sets doubles with each model."""

USUAL_CONTEXTS = (65536, 32768, 16384, 8192, 4096)


@dataclass(frozen=True, slots=True)
class Setup(ClientSetup):
    """Everything about the user's models and host that runs share."""

    spec: TwinSpec


def setup_from_config(config: Config, num_ctx: int | None) -> Setup:
    """Wire the parts for the config's own models. `num_ctx` overrides the context of all requests."""
    setup = bare_setup(config, num_ctx)
    room = TwinRoom(setup.spec, setup.options)
    facts = _facts(setup.spec, room, setup.context.models)
    return replace(setup, facts=replace(facts, items=setup.context.items))


def bare_setup(config: Config, num_ctx: int | None) -> Setup:
    """The same without the facts about memory that a report tells, which cost as much as a short run."""
    client = client_setup(config, num_ctx)
    spec = twin_from_config(config.twin, config.host.settings)
    room = TwinRoom(spec, client.options)
    context = replace(client.context, room=room, items=items_of(spec, client.options), around=_around(spec))
    return Setup(client.router, client.options, context, HostFacts(room, (), ()), client.baseline, spec)


def with_equal_places(setup: Setup, plan: Plan, slots: int) -> Setup:
    """The same client on a host of `slots` equal places that has exactly the models the plan names."""
    names = tuple(sorted({request.model for request in plan.requests if request.model is not None}))
    spec = equal_twin(names, slots, setup.spec.speeds, setup.spec.profile, setup.spec.server_version)
    room = SlotRoom(slots)
    context = replace(
        setup.context, max_models=slots, room=room, models=names, pinned=(), items=items_of(spec, {}),
        around=_around(spec),
    )  # fmt: skip
    facts = HostFacts(room, (), (), items=context.items)
    return replace(setup, options={}, context=context, spec=spec, facts=facts)


def setup_for_unknown_host(config: Config, num_ctx: int | None) -> Setup:
    """For a host of whose memory nothing is known: no ceiling, and `lru-unload` goes by number only."""
    setup = bare_setup(config, num_ctx)
    return replace(setup, context=replace(setup.context, room=None), facts=HostFacts(None, (), ()))


def missing_models(setup: Setup, plan: Plan) -> tuple[str, ...]:
    """The models that a plan may ask for and the twin does not have, by name."""
    return tuple(sorted(name for name in asked_models(setup, plan) if setup.spec.model(name) is None))


def check_models(setup: Setup, plan: Plan) -> None:
    """Refuse a plan before it runs if it may ask for a model that the twin does not have.

    Raises:
        UsageError: naming the missing models, and what to do.
    """
    missing = missing_models(setup, plan)
    if missing:
        have = ", ".join(model.spec.name for model in setup.spec.models) or "none"
        raise UsageError(
            f"the twin has no model {', '.join(missing)}; it has {have}: "
            "describe the missing ones under twin.models in the config (`hotswap calibrate` measures them), leave "
            "their requests out with --known-models, or replay on a real host with --host"
        )


def _around(spec: TwinSpec) -> Surroundings:
    digests = {model.spec.name: model.spec.digest for model in spec.models}
    return Surroundings(memory_bytes(spec), digests, frozenset(digests))


def _facts(spec: TwinSpec, room: TwinRoom, models: tuple[str, ...]) -> HostFacts:
    """What `toolkit.fit` says of the twin: the largest sets that live together, each model's context, and a way out."""
    names = [model.spec.name for model in spec.models if model.spec.name in models]
    if len(names) > MOST_MODELS_FOR_SETS:
        return HostFacts(room, (), ())
    residents = room.residents(names)
    contexts = tuple((name, tokens) for name in names if (tokens := room.context_of(name)) is not None)
    sets = room.sets(names)
    hints = (*_smaller_context(room, residents, sets.by_ollama), *_estimated(residents))
    return HostFacts(room, sets.by_ollama, contexts, hints, memory_told(residents, sets, room.room))


def _smaller_context(
    room: TwinRoom, residents: tuple[TwinResident, ...], together: tuple[tuple[str, ...], ...]
) -> tuple[str, ...]:
    """The largest usual context at which more models would live together than do now, as a sentence."""
    now = max((len(models) for models in together), default=0)
    in_force = max((one.setting.num_ctx for one in residents), default=0)
    for num_ctx in (tokens for tokens in USUAL_CONTEXTS if tokens < in_force):
        sets = room.sets_of([one.limited(num_ctx) for one in residents]).both
        if sets and len(sets[0]) > now:
            fit = " and ".join(sets[0])
            return (f"At a context of {num_ctx:,} tokens {fit} would live together: try --num-ctx {num_ctx}.",)
    return ()


def _estimated(residents: tuple[TwinResident, ...]) -> tuple[str, ...]:
    """Whose memory is not known from a header, as a sentence."""
    guessed = [f"{one.name} ({one.takes.estimated})" for one in residents if one.takes.estimated]
    if not guessed:
        return ()
    sentence = (
        f"What is partly estimated of the models' memory: {'; '.join(guessed)}. feed_forward_length and vocabulary "
        "under twin.models, or what the GPU showed under vram, would replace it."
    )
    return (sentence,)

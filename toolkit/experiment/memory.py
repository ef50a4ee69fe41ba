"""What each model takes of the host's memory, and which sets fit, as the report shows it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from toolkit.fit.picture_sets import set_rows
from toolkit.fit.together import Household
from toolkit.replay.results import FittingSet, Memory, ModelMemory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.fit.room import Room
    from toolkit.fit.together import Sets
    from toolkit.host.room import TwinResident


def memory_told(residents: Sequence[TwinResident], sets: Sets, room: Room) -> Memory | None:
    """The models on this host, each alone on it, and the sets of them; None if it has no GPU."""
    if not room.gpus:
        return None
    household = Household(residents, room)
    models = tuple(_model(one, household, room) for one in residents)
    return Memory(room.total_bytes, models, tuple(FittingSet(row.names, row.verdict) for row in set_rows(sets)))


def _model(one: TwinResident, household: Household, room: Room) -> ModelMemory:
    """With the batch that the server chooses for it on the empty host."""
    plan, started = household.alone(one)
    gpus = max(len(started.held_bytes), 1)
    setting = replace(
        one.setting, num_ctx=plan.num_ctx, parallel=plan.num_parallel, batch=plan.num_batch, n_gpu=gpus,
        n_gpu_layers=None,
    )  # fmt: skip
    whole = one.takes.estimate(setting)
    return ModelMemory(
        model=one.name,
        num_ctx=plan.num_ctx,
        taken_bytes=whole.gpu_total_bytes + whole.projector_bytes + gpus * room.overhead_bytes,
        predicted_bytes=plan.predicted_bytes + plan.surcharge_bytes,
        left_layers=started.left_layers,
        estimated=one.takes.estimated,
    )

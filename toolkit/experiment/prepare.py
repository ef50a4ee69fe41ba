"""A comparison on the twin that was ordered, ready to be played."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.experiment.client import model_of
from toolkit.experiment.plans import plans_to_play
from toolkit.experiment.setup import missing_models, setup_from_config, with_equal_places
from toolkit.workload.shorten import without_models

if TYPE_CHECKING:
    from toolkit.config.models import Config
    from toolkit.experiment.order import Order
    from toolkit.experiment.setup import Setup
    from toolkit.experiment.shape import Shape
    from toolkit.workload.plan import Plan


def prepare(config: Config, order: Order, shape: Shape | None = None) -> tuple[Setup, tuple[Plan, ...]]:
    """The parts that all runs share, and a plan for each repetition, shaped as wanted. Raises UsageError."""
    setup = setup_from_config(config, order.num_ctx)
    plans = plans_to_play(config, order, shape, setup.router)
    if order.slots is not None:
        return with_equal_places(setup, plans[0], order.slots), plans
    if shape is not None and shape.known_models:
        plans = tuple(_of_known_models(setup, plan) for plan in plans)
    return setup, plans


def _of_known_models(setup: Setup, plan: Plan) -> Plan:
    return without_models(plan, missing_models(setup, plan), lambda one: model_of(setup, one))

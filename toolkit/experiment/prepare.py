"""A comparison on the twin that was ordered, ready to be played."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.experiment.plans import plans_to_play
from toolkit.experiment.setup import setup_from_config, with_equal_places

if TYPE_CHECKING:
    from toolkit.config.models import Config
    from toolkit.experiment.order import Order
    from toolkit.experiment.setup import Setup
    from toolkit.experiment.shape import Shape
    from toolkit.workload.plan import Plan


def prepare(config: Config, order: Order, shape: Shape | None = None) -> tuple[Setup, tuple[Plan, ...]]:
    """The parts that all runs share, and a plan for each repetition, shaped as wanted."""
    setup = setup_from_config(config, order.num_ctx)
    plans = plans_to_play(config, order, shape, setup.router)
    return (setup if order.slots is None else with_equal_places(setup, plans[0], order.slots)), plans

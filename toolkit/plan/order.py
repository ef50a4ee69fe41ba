"""What was asked: the workload that loads are multiples of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.config.positions import load_yaml_model
from toolkit.errors import InputError
from toolkit.experiment.order import plans_for
from toolkit.plan.workload import ScenarioLoad, TraceLoad
from toolkit.workload.scenario.schema import Scenario

if TYPE_CHECKING:
    from toolkit.config.models import Config
    from toolkit.experiment.order import Order
    from toolkit.plan.workload import Workload


def workload_of(order: Order, config: Config) -> Workload:
    """The workload of an order.

    Raises:
        UsageError: neither or both of scenario and trace, or options that do not belong together.
        InputError: the file is wrong.
    """
    (plan,) = plans_for(order, config)
    if order.scenario is None or order.limit is not None:
        return TraceLoad(plan)
    scenario = load_yaml_model(order.scenario, Scenario, error=_input_error)
    return ScenarioLoad(scenario.value, str(order.scenario), scenario.sha256, plan.seed)


def _input_error(problems: tuple[str, ...]) -> InputError:
    return InputError("\n".join(problems))

"""The plans that were ordered, as they are played: a part of the workload, at a pace, by so many people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.experiment.order import hurried, plans_for, unhurried

if TYPE_CHECKING:
    from toolkit.config.models import Config
    from toolkit.experiment.order import Order
    from toolkit.experiment.shape import Shape
    from toolkit.replay.dispatch import RoutesText
    from toolkit.workload.plan import Plan


def plans_to_play(config: Config, order: Order, shape: Shape | None, router: RoutesText) -> tuple[Plan, ...]:
    """A plan for each repetition, shaped as wanted.

    Parts of a plan are chosen before its pace is: `--from` and `--until` are times of the recording.

    Raises:
        UsageError, InputError: see `plans_for`.
    """
    if shape is None or shape.is_plain:
        return plans_for(order, config)
    return tuple(_shaped(plan, shape, order, router) for plan in plans_for(unhurried(order), config))


def _shaped(plan: Plan, shape: Shape, order: Order, router: RoutesText) -> Plan:
    from toolkit.experiment.shape import shaped  # noqa: PLC0415 - most workloads are played as they are

    return shaped(
        plan,
        shape,
        lambda request: request.model or router.route(request.text).model,
        lambda part: hurried(part, order),
    )

"""How the workload that was ordered is to be changed before it is played, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.workload.shape import closed_loop, impatient, ramped
from toolkit.workload.shorten import between, only_models, only_sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.workload.plan import Plan, PlannedRequest


@dataclass(frozen=True, slots=True)
class Shape:
    """Options of the command line; times in nanoseconds. `users` None keeps the plan's arrivals.

    `known_models` leaves out what goes to models that the simulated host lacks; who knows the host does so (`prepare`).
    """

    from_ns: int | None = None
    until_ns: int | None = None
    models: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    users: int | None = None
    think_ns: int | None = None
    ramp_ns: int | None = None
    patience_ns: int | None = None
    known_models: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it changes nothing."""
        return self == Shape()


def shaped(
    plan: Plan,
    shape: Shape,
    model_of: Callable[[PlannedRequest], str],
    hurry: Callable[[Plan], Plan],
) -> Plan:
    """First what is left out, then how fast it goes (`hurry`), who asks, how it begins, and who leaves.

    Raises:
        UsageError: nothing is left, or options that do not belong together.
    """
    if shape.think_ns is not None and shape.users is None:
        raise UsageError("--think is the pause of a closed loop's users: give their number with --users as well")
    if shape.from_ns is not None or shape.until_ns is not None:
        plan = between(plan, shape.from_ns or 0, shape.until_ns)
    if shape.models:
        plan = only_models(plan, frozenset(shape.models), model_of)
    if shape.sessions:
        plan = only_sessions(plan, frozenset(shape.sessions))
    plan = hurry(plan)
    if shape.users is not None:
        plan = closed_loop(plan, shape.users, shape.think_ns or 0, shape.ramp_ns or 0)
    elif shape.ramp_ns is not None:
        plan = ramped(plan, shape.ramp_ns)
    return plan if shape.patience_ns is None else impatient(plan, shape.patience_ns)

"""The options that shape a load, and what they are turned into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.experiment.shape import Shape
    from toolkit.replay.terms import LoadTerms

F = TypeVar("F", bound="Callable[..., Any]")


class DurationParam(click.ParamType[int]):
    """A duration as `90s`, `5m` or `1h30m`, in nanoseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it, or end with what is wrong."""
        from toolkit.config.durations import DurationError, parse_duration_ns  # noqa: PLC0415 - keeps `--help` cheap

        try:
            duration_ns = parse_duration_ns(value)
        except DurationError as error:
            self.fail(str(error), param, ctx)
        if duration_ns < 0:
            self.fail(f"{value!r} is negative", param, ctx)
        return duration_ns


DURATION = DurationParam()

_SHAPE = (
    click.option("--from", "from_ns", type=DURATION, metavar="TIME", help="Only what begins at this time or later,"),
    click.option("--until", "until_ns", type=DURATION, metavar="TIME", help="and before this one."),
    click.option("--model", "models", multiple=True, metavar="NAME", help="Only requests for this model (repeatable)."),
    click.option("--known-models", is_flag=True,
                 help="Simulated only: leave out requests for models that the twin lacks."),
    click.option("--session", "sessions", multiple=True, metavar="NAME", help="Only requests of this session."),
    click.option("--users", type=click.IntRange(1, 100_000), metavar="N", help="Closed loop: N users take turns."),
    click.option("--think", "think_ns", type=DURATION, metavar="TIME", help="Pause of each between two prompts."),
    click.option("--ramp", "ramp_ns", type=DURATION, metavar="TIME", help="The load rises evenly for so long."),
    click.option("--patience", "patience_ns", type=DURATION, metavar="TIME",
                 help="--host only: people leave without a first token, on average after so long."),
)  # fmt: skip
_TERMS = (
    click.option("--warmup", "warmup_ns", type=DURATION, metavar="TIME", help="--host only: kept, but not counted."),
    click.option("--duration", "stop_ns", type=DURATION, metavar="TIME", help="--host only: nobody new comes after."),
    click.option("--drain", "drain_ns", type=DURATION, metavar="TIME",
                 help="--host only: give up what is not answered so long after the last arrival."),
    click.option("--deadline", "deadline_ns", type=DURATION, metavar="TIME",
                 help="--host only: a request without its whole answer has failed."),
    click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True,
                 help="--host only: share the load out when one core is not enough."),
)  # fmt: skip


def load_options(command: F) -> F:
    """Add the options; the command takes them as keyword arguments and calls `shape_from` and `terms_from`."""
    for decorator in reversed((*_SHAPE, *_TERMS)):
        command = decorator(command)
    return command


def shape_from(given: dict[str, Any]) -> Shape:
    """What the plan is turned into; takes its own keys out of `given`."""
    from toolkit.experiment.shape import Shape  # noqa: PLC0415 - keeps `--help` cheap

    return Shape(**{name: given.pop(name) for name in Shape.__dataclass_fields__})


def terms_from(given: dict[str, Any]) -> LoadTerms:
    """How it is played on a real host; takes its own keys out of `given`. Raises UsageError."""
    from toolkit.replay.terms import LoadTerms  # noqa: PLC0415 - keeps `--help` cheap

    values = {name: given.pop(name) for name in LoadTerms.__dataclass_fields__}
    return LoadTerms(**{name: value for name, value in values.items() if value is not None})

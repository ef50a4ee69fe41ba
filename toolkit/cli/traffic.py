"""What `lab` and `tune` share: which requests, and how much room for models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.experiment.lab import Stream
    from toolkit.lab.cache import Capacity

F = TypeVar("F", bound="Callable[..., Any]")

_OPTIONS = (
    click.argument("scenario", required=False, type=click.Path(path_type=Path)),
    click.option("--trace", type=click.Path(path_type=Path), metavar="FILE", help="A recorded trace instead."),
    click.option("--format", "trace_format", metavar="NAME", help="Its format; guessed where it is not given."),
    click.option("--capacity", metavar="SIZE", help="24GiB, or with --unit so many models; none: the config's GPUs."),
    click.option("--max-models", type=click.IntRange(1), help="At most so many models, whatever their sizes."),
    click.option("--unit", is_flag=True, help="Every model counts 1, a trace's models are its own."),
    click.option("--num-ctx", type=click.IntRange(4), help="Context that every model is loaded with."),
    click.option("--mix", metavar="SHARES", help="Trace only: primary=0.5,code=0.3,fast=0.2 deals out the models."),
    click.option("--seed", type=int, help="Seed of the plan; the scenario's own by default."),
    click.option("--limit", type=click.IntRange(1), help="Only the first N requests."),
    click.option("--load-time", metavar="DURATION", help="With a queue: what every load takes, as in 22s."),
    click.option("--service-scale", type=float, default=1.0, help="With a queue: factor on a trace's service times."),
)


def traffic_options(command: F) -> F:
    """Add the options that say what to play, and into how much room."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def load_time_ns(text: str | None) -> int | None:
    """`22s` in nanoseconds; None stays None. Raises UsageError."""
    from toolkit.config.durations import parse_duration_ns  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.errors import UsageError  # noqa: PLC0415

    if text is None:
        return None
    try:
        load_ns = parse_duration_ns(text)
    except ValueError:
        load_ns = -1
    if load_ns < 0:
        raise UsageError(f"--load-time is {text!r}; give a duration such as 22s")
    return load_ns


def part_of(text: str | None, option: str) -> tuple[float, float]:
    """`0.6..1` as two shares; everything if nothing is given. Raises UsageError."""
    from toolkit.errors import UsageError  # noqa: PLC0415 - keeps `--help` cheap

    first, _, last = (text or "0..1").partition("..")
    try:
        shares = float(first), float(last)
    except ValueError:
        shares = 1.0, 0.0
    if not 0 <= shares[0] < shares[1] <= 1:
        raise UsageError(f"{option} is {text!r}; give two shares of the requests, as in 0.6..1")
    return shares


def places_of(given: dict[str, Any]) -> int | None:
    """How many models have room, if they only count (`--unit`); None if they have sizes. Raises UsageError."""
    from toolkit.errors import UsageError  # noqa: PLC0415 - keeps `--help` cheap

    text, unit = given["capacity"], given["unit"]
    if unit and (text is None or not text.isdecimal() or not int(text)):
        raise UsageError(f"--unit counts models, and --capacity is {text or 'not given'}; give a number, as in 4")
    if not unit and text is not None and text.isdecimal():
        raise UsageError(f"--capacity {text} is a number of bytes that holds no model; write 24GiB, or add --unit")
    return int(text) if unit else None


def stream_and_room(given: dict[str, Any]) -> tuple[Stream, Capacity]:
    """The requests and the room. Raises UsageError."""
    from toolkit.cli.options import load_given_twin  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.experiment.lab import host_capacity_bytes, sized_stream, unit_stream  # noqa: PLC0415
    from toolkit.experiment.order import Order  # noqa: PLC0415
    from toolkit.lab.cache import Capacity  # noqa: PLC0415

    config = load_given_twin(given["config"], quiet=given["quiet"]).config
    text, unit, places = given["capacity"], given["unit"], places_of(given)
    keep_names = unit and given["mix"] is None and given["trace"] is not None
    order = Order(
        scenario=given["scenario"], trace=given["trace"], trace_format=given["trace_format"], seed=given["seed"],
        repeat=1, num_ctx=given["num_ctx"], slots=places if keep_names else None, mix=given["mix"], speed=1.0,
        service_scale=given["service_scale"], limit=given["limit"],
    )  # fmt: skip
    if places is not None:
        return unit_stream(order, config), Capacity(places, given["max_models"])
    size_bytes = host_capacity_bytes(config) if text is None else _size_bytes(text)
    return sized_stream(order, config), Capacity(size_bytes, given["max_models"])


def _size_bytes(text: str) -> int:
    from toolkit.config.units import UnitError, parse_size_bytes  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.errors import UsageError  # noqa: PLC0415

    try:
        size_bytes = parse_size_bytes(text)
    except UnitError as error:
        raise UsageError(f"--capacity is {text!r}: {error}") from None
    if not size_bytes:
        raise UsageError(f"--capacity {text} holds no model; give it room, as in 24GiB")
    return size_bytes

"""`hotswap lab`: eviction policies alone, on a stream of requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import global_options

if TYPE_CHECKING:
    from toolkit.experiment.lab import Stream
    from toolkit.lab.cache import Capacity

DEFAULT_QUEUE_POLICIES = "lru,lrfu(decay=0.05)"
DEFAULT_POLICIES = "lru,lfu,gdsf,lrfu,s3fifo,arc,next-use,server,opt"


@click.command("lab")
@click.argument("scenario", required=False, type=click.Path(path_type=Path))
@click.option("--trace", type=click.Path(path_type=Path), metavar="FILE", help="A recorded trace instead.")
@click.option("--format", "trace_format", metavar="NAME", help="Its format; guessed where it is not given.")
@click.option("--policies", default=DEFAULT_POLICIES, show_default=True, metavar="A,B(key=value)", help="Which ones.")
@click.option("--capacity", metavar="SIZE", help="24GiB, or with --unit a number of models; none: the config's GPUs.")
@click.option("--max-models", type=click.IntRange(1), help="At most so many models, whatever their sizes.")
@click.option("--unit", is_flag=True, help="Every model counts 1, a trace's models are its own.")
@click.option("--num-ctx", type=click.IntRange(4), help="Context that every model is loaded with.")
@click.option("--mix", metavar="SHARES", help="Trace only: primary=0.5,code=0.3,fast=0.2 deals out the models.")
@click.option("--seed", type=int, help="Seed of the plan; the scenario's own by default.")
@click.option("--limit", type=click.IntRange(1), help="Only the first N requests.")
@click.option("--disciplines", metavar="A,B(key=value)", help="Queue in virtual time: who goes next, and who waits.")
@click.option("--load-time", metavar="DURATION", help="With --disciplines: what every load takes, as in 22s.")
@click.option("--service-scale", type=float, default=1.0, help="With --disciplines: factor on a trace's service times.")
@click.option("--part", metavar="A..B", help="With --disciplines: only this part of the requests, as in 0.6..1.")
@global_options
def lab(**given: Any) -> None:
    """Compare eviction policies on a stream of requests: the cache alone, no clock, no server.

    Says for each policy how many requests found their model, what was loaded and evicted, and how much of what is
    achievable that is: `opt` knows the future. `hotswap compare` plays strategies on a whole host instead.

    With --disciplines a queue stands before the cache, one request at a time: how long people wait under each policy
    behind each discipline.

    \b
    hotswap lab scenarios/working-day.yaml
    hotswap lab --trace FILE --format alibaba-genai --unit --capacity 4 --policies lru,next-use,opt
    hotswap lab --trace FILE --unit --capacity 4 --policies lru,lrfu --disciplines fcfs,shadow --load-time 22s
    hotswap lab scenarios/swap-storm.yaml --policies "lfu(half-life=20),gdsf(cost=load)" --capacity 40GiB --json
    """  # noqa: D301 - click reads the mark
    from toolkit.cache.spec import split_specs  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.experiment.lab import run_lab  # noqa: PLC0415
    from toolkit.report.lab import as_json, text_of  # noqa: PLC0415

    specs = split_specs(given["policies"])
    stream, capacity = _stream(given)
    if given["disciplines"] is not None:
        _show_queue(given, stream, capacity)
        return
    _refuse_queue_options(given)
    report = run_lab(stream, specs, capacity, unit=given["unit"])
    click.echo(as_json(report) if given["as_json"] else text_of(report))


def _show_queue(given: dict[str, Any], stream: Stream, capacity: Capacity) -> None:
    """Play every policy behind every discipline, and print what came of it."""
    from toolkit.cache.spec import split_specs  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.experiment.lab import OPTIMUM  # noqa: PLC0415
    from toolkit.experiment.queue_lab import run_queue_lab, traffic_of  # noqa: PLC0415
    from toolkit.report.queue_lab import as_json, text_of  # noqa: PLC0415

    load_ns = None if given["load_time"] is None else _load_time_ns(given["load_time"])
    traffic = traffic_of(stream, capacity, load_ns).part(*_part(given["part"]))
    wanted = DEFAULT_QUEUE_POLICIES if given["policies"] == DEFAULT_POLICIES else given["policies"]
    policies = tuple(spec for spec in split_specs(wanted) if spec.name != OPTIMUM)
    report = run_queue_lab(traffic, policies, split_specs(given["disciplines"]))
    click.echo(as_json(report) if given["as_json"] else text_of(report))


def _refuse_queue_options(given: dict[str, Any]) -> None:
    from toolkit.errors import UsageError  # noqa: PLC0415 - keeps `--help` cheap

    if given["load_time"] is not None or given["part"] is not None or given["service_scale"] != 1.0:
        raise UsageError(
            "--load-time, --service-scale and --part belong to --disciplines: without a clock nobody waits"
        )


def _load_time_ns(text: str) -> int:
    from toolkit.config.durations import parse_duration_ns  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.errors import UsageError  # noqa: PLC0415

    try:
        load_ns = parse_duration_ns(text)
    except ValueError:
        load_ns = -1
    if load_ns < 0:
        raise UsageError(f"--load-time is {text!r}; give a duration such as 22s")
    return load_ns


def _part(text: str | None) -> tuple[float, float]:
    """`0.6..1` as two shares."""
    from toolkit.errors import UsageError  # noqa: PLC0415 - keeps `--help` cheap

    first, _, last = (text or "0..1").partition("..")
    try:
        shares = float(first), float(last)
    except ValueError:
        shares = 1.0, 0.0
    if not 0 <= shares[0] < shares[1] <= 1:
        raise UsageError(f"--part is {text!r}; give two shares of the requests, as in 0.6..1")
    return shares


def _stream(given: dict[str, Any]) -> tuple[Stream, Capacity]:
    """The requests and the room."""
    from toolkit.cli.options import load_given_config  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.config.units import parse_size_bytes  # noqa: PLC0415
    from toolkit.errors import UsageError  # noqa: PLC0415
    from toolkit.experiment.lab import host_capacity_bytes, sized_stream, unit_stream  # noqa: PLC0415
    from toolkit.experiment.order import Order  # noqa: PLC0415
    from toolkit.lab.cache import Capacity  # noqa: PLC0415

    config = load_given_config(given["config"], quiet=given["quiet"]).config
    text, unit = given["capacity"], given["unit"]
    if unit and (text is None or not text.isdecimal() or not int(text)):
        raise UsageError(f"--unit counts models, and --capacity is {text or 'not given'}; give a number, as in 4")
    if not unit and text is not None and text.isdecimal():
        raise UsageError(f"--capacity {text} is a number of bytes that holds no model; write 24GiB, or add --unit")
    keep_names = unit and given["mix"] is None and given["trace"] is not None
    order = Order(
        scenario=given["scenario"], trace=given["trace"], trace_format=given["trace_format"], seed=given["seed"],
        repeat=1, num_ctx=given["num_ctx"], slots=int(text) if keep_names else None, mix=given["mix"], speed=1.0,
        service_scale=given["service_scale"], limit=given["limit"],
    )  # fmt: skip
    if unit:
        return unit_stream(order, config), Capacity(int(text), given["max_models"])
    size_bytes = host_capacity_bytes(config) if text is None else parse_size_bytes(text)
    return sized_stream(order, config), Capacity(size_bytes, given["max_models"])

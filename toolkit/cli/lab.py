"""`hotswap lab`: eviction policies alone, on a stream of requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import global_options

if TYPE_CHECKING:
    from toolkit.experiment.lab import Stream
    from toolkit.lab.cache import Capacity

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
@global_options
def lab(**given: Any) -> None:
    """Compare eviction policies on a stream of requests: the cache alone, no clock, no server.

    Says for each policy how many requests found their model, what was loaded and evicted, and how much of what is
    achievable that is: `opt` knows the future. `hotswap compare` plays strategies on a whole host instead.

    \b
    hotswap lab scenarios/working-day.yaml
    hotswap lab --trace FILE --format alibaba-genai --unit --capacity 4 --policies lru,next-use,opt
    hotswap lab scenarios/swap-storm.yaml --policies "lfu(half-life=20),gdsf(cost=load)" --capacity 40GiB --json
    """  # noqa: D301 - click reads the mark
    from toolkit.cache.spec import split_specs  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.experiment.lab import run_lab  # noqa: PLC0415
    from toolkit.report.lab import as_json, text_of  # noqa: PLC0415

    specs = split_specs(given["policies"])
    stream, capacity = _stream(given)
    report = run_lab(stream, specs, capacity, unit=given["unit"])
    click.echo(as_json(report) if given["as_json"] else text_of(report))


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
        service_scale=1.0, limit=given["limit"],
    )  # fmt: skip
    if unit:
        return unit_stream(order, config), Capacity(int(text), given["max_models"])
    size_bytes = host_capacity_bytes(config) if text is None else parse_size_bytes(text)
    return sized_stream(order, config), Capacity(size_bytes, given["max_models"])

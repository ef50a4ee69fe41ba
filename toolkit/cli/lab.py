"""`hotswap lab`: eviction policies alone, on a stream of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import global_options
from toolkit.cli.traffic import load_time_ns, part_of, places_of, stream_and_room, traffic_options

if TYPE_CHECKING:
    from toolkit.cache.spec import Spec
    from toolkit.experiment.lab import Stream
    from toolkit.lab.cache import Capacity

DEFAULT_QUEUE_POLICIES = "lru,lrfu(decay=0.05)"
DEFAULT_SEED = 1
DEFAULT_POLICIES = "lru,lfu,gdsf,lrfu,s3fifo,arc,next-use,server,opt"


@click.command("lab")
@traffic_options
@click.option("--policies", default=DEFAULT_POLICIES, show_default=True, metavar="A,B(key=value)", help="Which ones.")
@click.option("--disciplines", metavar="A,B(key=value)", help="Queue in virtual time: who goes next, and who waits.")
@click.option("--drawn", metavar="LAW", help="Requests drawn at random instead: zipf(requests=1000000, models=78).")
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
    hotswap lab --drawn "zipf(requests=1000000, models=1000, skew=0.9)" --unit --capacity 100 --policies lru,arc
    hotswap lab scenarios/swap-storm.yaml --policies "lfu(half-life=20),gdsf(cost=load)" --capacity 40GiB --json
    """  # noqa: D301 - click reads the mark
    from toolkit.cache.spec import split_specs  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.cli.progress import played_bar  # noqa: PLC0415
    from toolkit.experiment.lab import OPTIMUM, run_lab  # noqa: PLC0415
    from toolkit.report.lab import as_json, text_of  # noqa: PLC0415

    specs = _named(split_specs(given["policies"]), "--policies", "lru,arc")
    stream, capacity = stream_and_room(given) if given["drawn"] is None else _drawn_and_room(given)
    if given["disciplines"] is not None:
        _show_queue(given, stream, capacity)
        return
    _refuse_queue_options(given)
    with played_bar(len(stream.uses) * sum(spec.name != OPTIMUM for spec in specs), quiet=given["quiet"]) as on_played:
        report = run_lab(stream, specs, capacity, unit=given["unit"], on_played=on_played)
    click.echo(as_json(report) if given["as_json"] else text_of(report))


def _drawn_and_room(given: dict[str, Any]) -> tuple[Stream, Capacity]:
    """Requests that nothing stores, and how many of their models have room. Raises UsageError."""
    from toolkit.cache.spec import parse_spec  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.cli.options import check_overrides  # noqa: PLC0415
    from toolkit.errors import UsageError  # noqa: PLC0415
    from toolkit.experiment.lab import drawn_stream  # noqa: PLC0415
    from toolkit.lab.cache import Capacity  # noqa: PLC0415

    check_overrides(given["config"])
    others = {
        "scenario": "the scenario", "trace": "--trace", "trace_format": "--format", "mix": "--mix",
        "num_ctx": "--num-ctx", "limit": "--limit",
    }  # fmt: skip
    for name, written in others.items():
        if given[name] is not None:
            raise UsageError(f"--drawn says itself what is asked for; leave out {written}")
    places = places_of(given)
    if places is None:
        raise UsageError("drawn models have no sizes; add --unit, and say how many have room, as in --capacity 4")
    stream = drawn_stream(parse_spec(given["drawn"]), DEFAULT_SEED if given["seed"] is None else given["seed"])
    return stream, Capacity(places, given["max_models"])


def _show_queue(given: dict[str, Any], stream: Stream, capacity: Capacity) -> None:
    """Play every policy behind every discipline, and print what came of it."""
    from toolkit.cache.spec import split_specs  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.experiment.lab import OPTIMUM  # noqa: PLC0415
    from toolkit.experiment.queue_lab import run_queue_lab, traffic_of  # noqa: PLC0415
    from toolkit.report.queue_lab import as_json, text_of  # noqa: PLC0415

    traffic = traffic_of(stream, capacity, load_time_ns(given["load_time"])).part(*part_of(given["part"], "--part"))
    wanted = DEFAULT_QUEUE_POLICIES if given["policies"] == DEFAULT_POLICIES else given["policies"]
    policies = tuple(spec for spec in split_specs(wanted) if spec.name != OPTIMUM)
    report = run_queue_lab(
        traffic,
        _named(policies, "--policies, besides opt, which knows of no queue", "lru"),
        _named(split_specs(given["disciplines"]), "--disciplines", "fcfs,shadow"),
    )
    click.echo(as_json(report) if given["as_json"] else text_of(report))


def _named(specs: tuple[Spec, ...], option: str, example: str) -> tuple[Spec, ...]:
    """The specs, if there are any. Raises UsageError."""
    from toolkit.errors import UsageError  # noqa: PLC0415 - keeps `--help` cheap

    if not specs:
        raise UsageError(f"nothing is named by {option}; give some, as in {example}")
    return specs


def _refuse_queue_options(given: dict[str, Any]) -> None:
    from toolkit.errors import UsageError  # noqa: PLC0415 - keeps `--help` cheap

    if given["load_time"] is not None or given["part"] is not None or given["service_scale"] != 1.0:
        raise UsageError(
            "--load-time, --service-scale and --part belong to --disciplines: without a clock nobody waits"
        )

"""`hotswap doctor`: what is wrong with a host?"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import global_options_of_host, load_given_config

if TYPE_CHECKING:
    from toolkit.ops.doctor.asking import Access
    from toolkit.ops.doctor.check import Result
    from toolkit.ops.doctor.evidence import Evidence, Wishes

NARROWEST, WIDEST = 60, 120


@click.command("doctor")
@click.option(
    "--watch-for", default="3s", show_default=True, metavar="TIME", help="How long to watch /api/ps; 0s: one look."
)
@click.option("--probe", is_flag=True, help="Also load a model that is not loaded, and ask it for a token. Disturbs.")
@click.option("--probe-for", default="60s", show_default=True, metavar="TIME", help="How long to wait for the probe.")
@click.option(
    "--swaps", type=click.Path(path_type=Path), metavar="FILE", help="A recorded swap_matrix.csv: real load times."
)
@click.option("--gpu", "--gpus", "gpus", metavar="NAMES", help="The host's GPUs; none: twin.gpus of the config.")
@click.option("--watch", is_flag=True, help="A live table until Ctrl-C instead; exit code 0.")
@click.option("--every", default="1s", show_default=True, metavar="TIME", help="With --watch: how often to look.")
@global_options_of_host
@click.pass_context
def doctor(context: click.Context, /, **given: Any) -> None:
    """Say what is wrong with a host, why it matters, and the command that mends it.

    The host is that of --host, or else the config's own base_url. Reading only: nothing is loaded, unloaded or
    reloaded on it, unless you say --probe. Exit code 1 if a check fails; warnings alone end with 0.

    \b
    hotswap doctor --host http://127.0.0.1:11434
    hotswap doctor --config my-host.yaml --watch-for 30s
    hotswap doctor --config my-host.yaml --probe --json
    hotswap doctor --host http://127.0.0.1:11434 --watch
    """  # noqa: D301 - click reads the mark
    wishes, access = _asked(given)
    if given["watch"]:
        _watch(access, given)
        return
    from toolkit.ops.doctor.check import examine  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.ops.doctor.checks import CHECKS  # noqa: PLC0415
    from toolkit.ops.doctor.render import exit_code  # noqa: PLC0415

    results = examine(CHECKS, asyncio.run(_gathered(wishes, access, given)))
    click.echo(_shown(results, given))
    context.exit(exit_code(results))


def _asked(given: dict[str, Any]) -> tuple[Wishes, Access]:
    """What the config wants, and where the host is."""
    from toolkit.config.secrets import secret_headers  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.experiment.host import FROM_CONFIG  # noqa: PLC0415
    from toolkit.fit.gpus import gpus_of  # noqa: PLC0415
    from toolkit.ollama.address import parse_address  # noqa: PLC0415
    from toolkit.ops.doctor.asking import Access  # noqa: PLC0415
    from toolkit.ops.doctor.from_config import wishes_of  # noqa: PLC0415

    loaded = load_given_config(given["config"], quiet=given["quiet"])
    url = None if given["host"] in {None, FROM_CONFIG} else given["host"]
    wishes = wishes_of(loaded, url, gpus_of(given["gpus"]) if given["gpus"] else None)
    headers = dict(secret_headers(loaded.config.host, os.environ).pairs)
    return wishes, Access(parse_address(wishes.url), headers)


async def _gathered(wishes: Wishes, access: Access, given: dict[str, Any]) -> Evidence:
    from toolkit.host.clock import RealClock  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.ops.doctor.asking import Asking  # noqa: PLC0415
    from toolkit.ops.doctor.collect import Round, collect  # noqa: PLC0415
    from toolkit.ops.doctor.swaps import read_samples  # noqa: PLC0415

    samples = read_samples(given["swaps"]) if given["swaps"] is not None else ()
    probe_ns = _time(given, "probe_for") if given["probe"] else None
    round_ = Round(_time(given, "watch_for"), probe_ns, samples)
    clock = RealClock()
    if not given["quiet"] and round_.watch_ns + (round_.probe_ns or 0):
        click.echo(
            f"watching {access.address.url} for {given['watch_for']}{' and probing it' * given['probe']}", err=True
        )
    async with Asking(access, clock) as asking:
        return await collect(asking, wishes, round_, clock)


def _shown(results: tuple[Result, ...], given: dict[str, Any]) -> str:
    from toolkit.ops.doctor.render import as_json, as_text  # noqa: PLC0415 - keeps `--help` cheap

    if given["as_json"]:
        import json  # noqa: PLC0415 - one of two outputs

        return json.dumps(as_json(results), indent=2, ensure_ascii=False)
    width = max(NARROWEST, min(shutil.get_terminal_size().columns, WIDEST)) if sys.stdout.isatty() else WIDEST
    return as_text(results, width=width, color=_colored(given))


def _colored(given: dict[str, Any]) -> bool:
    return sys.stdout.isatty() and not given["no_color"] and "NO_COLOR" not in os.environ


def _watch(access: Access, given: dict[str, Any]) -> None:
    """Show the host until Ctrl-C, which is the way to end it and no error."""
    from toolkit.errors import UsageError  # noqa: PLC0415 - keeps `--help` cheap

    if given["as_json"]:
        raise UsageError("--watch has no end and so is no JSON document; leave out --json, or --watch")
    every_ns = _time(given, "every")
    if every_ns <= 0:
        raise UsageError("--every: looks need some time between them, for example 1s")
    try:
        asyncio.run(_watching(access, every_ns, given))
    except KeyboardInterrupt:
        return


async def _watching(access: Access, every_ns: int, given: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415 - keeps `--help` cheap
    from rich.live import Live  # noqa: PLC0415

    from toolkit.host.clock import RealClock  # noqa: PLC0415
    from toolkit.ops.doctor.asking import Asking  # noqa: PLC0415
    from toolkit.ops.doctor.looking import look_on  # noqa: PLC0415
    from toolkit.ops.doctor.watch import Watched, step  # noqa: PLC0415
    from toolkit.ops.doctor.watch_view import lines, table  # noqa: PLC0415

    state, clock = Watched(), RealClock()
    async with Asking(access, clock) as asking:
        if not sys.stdout.isatty():
            async for seen in look_on(asking, clock, every_ns):
                state = step(state, seen)
                for line in lines(state):
                    click.echo(line)
            return
        console = Console(no_color=not _colored(given))
        with Live(console=console, auto_refresh=False) as live:
            async for seen in look_on(asking, clock, every_ns):
                state = step(state, seen)
                live.update(table(state, access.address.url), refresh=True)


def _time(given: dict[str, Any], name: str) -> int:
    """A duration option in nanoseconds. Raises UsageError."""
    from toolkit.config.durations import parse_duration_ns  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.errors import UsageError  # noqa: PLC0415

    text = given[name]
    try:
        duration_ns = parse_duration_ns(text)
    except ValueError as error:
        raise UsageError(f"--{name.replace('_', '-')} {text!r}: {error}; write it like 10s or 2m") from None
    if duration_ns < 0:
        raise UsageError(f"--{name.replace('_', '-')} {text!r}: a time from 0s up")
    return duration_ns

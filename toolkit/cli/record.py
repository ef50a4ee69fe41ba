"""`hotswap record`: real traffic as a trace."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import global_options_of_host

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.record.log import TraceLog
    from toolkit.record.relay import Upstream
    from toolkit.record.session import Tally

DEFAULT_PORT = 11435


@click.command("record")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default="traffic.jsonl", show_default=True,
              metavar="FILE", help="The trace; a recording is added to what it holds.")  # fmt: skip
@click.option("--bind", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: any free one.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Gets the base URL once clients can connect.")
@click.option("--texts", is_flag=True, help="Keep what people write and what they are answered.")
@global_options_of_host
def record(**given: Any) -> None:
    """Stand between clients and a host, change nothing, and write down what was asked as a trace.

    Clients get the address of this command instead of the host's. Each request that has ended is a line of the trace:
    when it came, model, options, keep_alive, the server's own counts and times; no texts, unless you say --texts.
    Ctrl-C ends it. The trace is played with `hotswap compare --trace FILE`.

    \b
    hotswap record --host http://192.168.1.20:11434 --out monday.jsonl
    hotswap record --config my-host.yaml --bind 0.0.0.0 --port 11434
    hotswap compare --trace monday.jsonl --config my-host.yaml
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.serving import check_ready_file, is_loopback  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.record.log import TraceLog  # noqa: PLC0415
    from toolkit.sole_writer import sole_writer  # noqa: PLC0415

    check_ready_file(given["ready_file"])
    upstream = _upstream(given)
    if not (given["quiet"] or is_loopback(given["bind"])):
        click.echo(f"warning: {given['bind']} can be reached from other machines, and everybody there can use the host "
                   "through it", err=True)  # fmt: skip
    warn = partial(click.echo, err=True)
    with sole_writer(given["out"], "--out", warn), TraceLog(given["out"]) as log:
        if log.note and not given["quiet"]:
            click.echo(log.note, err=True)
        tally = _run(upstream, log, given)
    _tell(tally, log, given)


def _upstream(given: dict[str, Any]) -> Upstream:
    """The host that is asked for."""
    from toolkit.cli.live_host import needed_host  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.cli.options import load_given_config  # noqa: PLC0415
    from toolkit.ollama.tls import tls_context  # noqa: PLC0415
    from toolkit.record.relay import upstream_of  # noqa: PLC0415

    loaded = load_given_config(given["config"], quiet=given["quiet"])
    address = needed_host(given["host"] or "config", loaded, "record")
    tls = tls_context(None, is_tls=True) if address.is_tls else None
    return upstream_of(address, tls)


def _run(upstream: Upstream, log: TraceLog, given: dict[str, Any]) -> Tally:
    """Record until Ctrl-C."""
    from toolkit.cli.serving import run_to_the_end  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.record.session import record as recording  # noqa: PLC0415

    return run_to_the_end(
        recording(upstream, log, given["bind"], given["port"], _ready(upstream, log, given), texts=given["texts"])
    )


def _ready(upstream: Upstream, log: TraceLog, given: dict[str, Any]) -> Callable[[int], None]:
    from toolkit.cli.serving import write_ready_file  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.host.app.serve import base_url  # noqa: PLC0415

    def ready(port: int) -> None:
        url = base_url(given["bind"], port)
        if not given["quiet"]:
            click.echo(f"clients that use {url} reach {upstream.url}, and {log.path} tells; stop with Ctrl-C", err=True)
        if given["ready_file"] is not None:
            write_ready_file(given["ready_file"], url)

    return ready


def _tell(tally: Tally, log: TraceLog, given: dict[str, Any]) -> None:
    """Say what is in the file now. Ends with 1 if something is not that should be."""
    import json  # noqa: PLC0415 - keeps `--help` cheap

    if given["as_json"]:
        found = {"trace": os.fspath(log.path), "recorded": log.written, "lost": log.lost, "other_calls": tally.others}
        click.echo(json.dumps(found))
    else:
        click.echo(f"{log.written} requests recorded in {log.path} ({tally.others} other calls passed)")
    if log.lost:
        click.echo(f"{log.lost} requests could not be written to {log.path} ({log.trouble})", err=True)
        click.get_current_context().exit(1)

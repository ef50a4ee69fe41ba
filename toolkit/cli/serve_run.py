"""`hotswap serve`, step by step: config, keys, socket, server."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import describes_host, given_overrides, load_given_config
from toolkit.cli.serving import check_ready_file, is_loopback, run_to_the_end, write_ready_file
from toolkit.errors import UsageError
from toolkit.experiment.host import asked_host
from toolkit.gateway.from_config import Comparing, gateway_from_config
from toolkit.gateway.serve import base_url, listen, serve
from toolkit.gateway.tracing import TraceWriter
from toolkit.record.log import TraceLog
from toolkit.record.sessions import Sessions
from toolkit.sole_writer import sole_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolkit.config.loading import LoadedConfig
    from toolkit.gateway.course import Course
    from toolkit.gateway.from_config import Gateway

_MOST_TURNS = 4096
"""Of the conversations that name no session, and of the prompts of those that do: the gateway runs for months."""
_COMPARE = "from toolkit.gateway.whatif.bounded import bound; bound(); from toolkit.cli.main import main; main()"


def run(given: dict[str, Any]) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        UsageError: keys are missing or wrong, nobody can listen there, or the config cannot be used.
    """
    loaded = load_given_config(given["config"], quiet=given["quiet"])
    section = loaded.config.gateway
    bind = given["bind"] or section.bind
    port = section.port if given["port"] is None else given["port"]
    address = asked_host(given["host"], loaded.config) if given["host"] else None
    file = given["trace_out"] or section.trace.file
    check_ready_file(given["ready_file"])
    with _alone_with(section.sessions.file, "--set gateway.sessions.file=FILE"), _trace(file) as log:
        writer = None if log is None else _writer(log, texts=section.trace.texts)
        comparing = None if file is None else _comparing(loaded, Path(file))
        gateway = gateway_from_config(
            loaded.config, address=address, bind=bind, write_trace=writer, comparing=comparing
        )
        refuse_open_door(bind, gateway)
        _serve(given, gateway, bind, port)


def _serve(given: dict[str, Any], gateway: Gateway, bind: str, port: int) -> None:
    listening = listen(bind, port)
    url = base_url(bind, listening)

    def ready() -> None:
        if not given["quiet"]:
            _say(gateway, url)
        if given["ready_file"] is not None:
            write_ready_file(given["ready_file"], url)

    with listening:
        run_to_the_end(serve(gateway, listening, ready))


def refuse_open_door(bind: str, gateway: Gateway) -> None:
    """Raise UsageError if others can reach the address and no key is asked of them."""
    if not gateway.keys and not is_loopback(bind):
        raise UsageError(
            f"{bind} can be reached from other machines, and no API key is set: write gateway.keys with a file or an "
            "environment variable (lines `NAME KEY`), or bind to 127.0.0.1"
        )


@contextmanager
def _alone_with(file: str | Path | None, instead: str) -> Iterator[None]:
    """The only process that writes to this file."""
    if file is None:
        yield
        return
    with suppress(OSError):  # whoever opens the file says what is wrong
        Path(file).expanduser().parent.mkdir(parents=True, exist_ok=True)
    with sole_writer(Path(file), instead, lambda text: click.echo(f"warning: {text}", err=True)):
        yield


@contextmanager
def _trace(file: str | Path | None) -> Iterator[TraceLog | None]:
    """The file that requests are written to, with a folder to lie in; says at the end what did not fit into it."""
    if file is None:
        yield None
        return
    path = Path(file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {path} ({error.strerror}); give another --trace-out") from error
    with _alone_with(path, "--trace-out"), TraceLog(path) as log:
        yield log
        if log.lost:
            click.echo(f"warning: {log.lost} requests are missing in {path}: {log.trouble}", err=True)


def _writer(log: TraceLog, *, texts: bool) -> Callable[[Course], None]:
    sessions = Sessions(f"gateway-{time.time_ns() // 1_000_000_000}", _MOST_TURNS)
    return TraceWriter(log, sessions, time.time_ns, time.monotonic_ns, texts=texts).write


def _comparing(loaded: LoadedConfig, trace: Path) -> Comparing:
    """This program with this config, within limits, as the dashboard's "What if?" runs it."""
    config = () if loaded.path is None else (f"--config={loaded.path}",)
    overrides = tuple(f"--set={each}" for each in given_overrides())
    unlike = (
        ""
        if describes_host(loaded)
        else "The simulated host is the example, not yours: describe yours under `twin` in the config."
    )
    command = (sys.executable, "-c", _COMPARE, "compare", *config, *overrides)
    return Comparing(command, trace, (unlike,) if unlike else ())


def _say(gateway: Gateway, url: str) -> None:
    for warning in gateway.warnings:
        click.echo(f"warning: {warning}", err=True)
    hosts = ", ".join(backend.client.address.url for backend in gateway.fleet.backends)
    who = f"{len(gateway.keys.names)} keys may use it" if gateway.keys else "no key is asked for"
    click.echo(f"the gateway to {hosts} answers at {url} ({who}); stop it with Ctrl-C", err=True)

"""`hotswap serve`, step by step: config, keys, socket, server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import load_given_config
from toolkit.cli.twin_serve import is_loopback, write_ready_file
from toolkit.errors import UsageError
from toolkit.experiment.host import asked_host
from toolkit.gateway.from_config import gateway_from_config
from toolkit.gateway.serve import base_url, listen, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from toolkit.gateway.from_config import Gateway


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
    gateway = gateway_from_config(loaded.config, address=address, bind=bind)
    refuse_open_door(bind, gateway)
    listening = listen(bind, port)
    url = base_url(bind, listening)

    def ready() -> None:
        if not given["quiet"]:
            _say(gateway, url)
        if given["ready_file"] is not None:
            write_ready_file(given["ready_file"], url)

    with listening:
        _run(serve(gateway, listening, ready))


def refuse_open_door(bind: str, gateway: Gateway) -> None:
    """Raise UsageError if others can reach the address and no key is asked of them."""
    if not gateway.keys and not is_loopback(bind):
        raise UsageError(
            f"{bind} can be reached from other machines, and no API key is set: write gateway.keys with a file or an "
            "environment variable (lines `NAME KEY`), or bind to 127.0.0.1"
        )


def _say(gateway: Gateway, url: str) -> None:
    for warning in gateway.warnings:
        click.echo(f"warning: {warning}", err=True)
    hosts = ", ".join(backend.client.address.url for backend in gateway.fleet.backends)
    who = f"{len(gateway.keys.names)} keys may use it" if gateway.keys else "no key is asked for"
    click.echo(f"the gateway to {hosts} answers at {url} ({who}); stop it with Ctrl-C", err=True)


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where there is one."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(work)

"""What the commands that measure a real host have in common: which host, how to talk to it, and where files go."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from toolkit.errors import UsageError
from toolkit.experiment.host import asked_host
from toolkit.ollama.from_config import client_from_config

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from toolkit.config.loading import LoadedConfig
    from toolkit.ollama.address import Address
    from toolkit.ollama.client import OllamaClient

T = TypeVar("T")
REPORTS = Path("reports")
EXIT_INTERRUPTED = 130


def needed_host(host: str | None, loaded: LoadedConfig, command: str) -> Address:
    """The host that `--host` asks for. Raises UsageError without one: these commands have nothing to simulate."""
    address = asked_host(host, loaded.config)
    if address is None:
        raise UsageError(
            f"`hotswap {command}` works on a host over HTTP: give --host URL, or --host config for the config's own; "
            "to try it, start a simulated one with `hotswap twin serve` and give its address"
        )
    return address


def on_host(loaded: LoadedConfig, address: Address, work: Callable[[OllamaClient], Awaitable[T]]) -> T:
    """Do the work with a client of the host. Ctrl-C and SIGTERM cancel it; it may still answer with what it has."""
    try:
        return asyncio.run(_with_client(loaded, address, work))
    except asyncio.CancelledError:  # told to stop by SIGTERM before there was anything to keep
        raise KeyboardInterrupt from None


async def _with_client(loaded: LoadedConfig, address: Address, work: Callable[[OllamaClient], Awaitable[T]]) -> T:
    task = asyncio.current_task()
    with suppress(NotImplementedError):  # no signals on this platform's loop; Ctrl-C still works
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with client_from_config(loaded.config.host, os.environ, address) as client:
        return await work(client)


def free_directory(name: str, given: Path | None) -> Path:
    """The directory for the results: the given one, or a new one under `reports`, made and writable.

    Raises:
        UsageError: it cannot be written to, or holds an earlier measurement.
    """
    directory = given or _next(name)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK):
            raise UsageError(f"cannot write to {directory}; name another directory with --out")
    except OSError as error:
        raise UsageError(
            f"cannot write to {directory} ({error.strerror}); name another directory with --out"
        ) from error
    return directory


def _next(name: str) -> Path:
    number = 1
    while (REPORTS / f"{name}-{number}").exists():
        number += 1
    return REPORTS / f"{name}-{number}"

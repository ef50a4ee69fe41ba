"""What commands that serve share: who can reach an address, the file that says where they are, their loop."""

from __future__ import annotations

import asyncio
import ipaddress
import os
from typing import TYPE_CHECKING, TypeVar

from toolkit.errors import UsageError
from toolkit.replacing import replace_with

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path
    from typing import Any

T = TypeVar("T")


def is_loopback(bind: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        return bind == "localhost"


def check_ready_file(path: Path | None) -> None:
    """Say before anything is begun that it could not be written. Raises UsageError."""
    if path is None:
        return
    folder = path.parent
    if path.is_dir():
        reason = "that is a folder"
    elif not folder.is_dir():
        reason = f"there is no folder {folder}"
    elif not os.access(folder, os.W_OK | os.X_OK):
        reason = f"nothing can be written in {folder}"
    else:
        return
    raise UsageError(f"cannot write {path} ({reason}); give another --ready-file")


def write_ready_file(path: Path, url: str) -> None:
    """Write the URL as the first line, so that nobody ever reads half of it. Raises UsageError."""
    try:
        replace_with(path, f"{url}\n".encode())
    except OSError as error:
        raise UsageError(f"cannot write {path} ({error.strerror or error}); give another --ready-file") from error


def run_to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where there is one, on the loop of the standard library where there is none."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)

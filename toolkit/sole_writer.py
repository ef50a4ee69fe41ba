"""One process at a time writes to a file: a lock in a file beside it, `NAME.lock`, which also says whose it is.

The system holds the lock for as long as the process lives, so nothing has to be cleaned up after one that was killed.
It is not in the file itself: SQLite loses its own locks when anybody in the process closes that, and logs are moved
away. Those who only read, or whose writes bear company (`hotswap sessions rm`), do not ask for it.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PID_BYTES = 20


@contextmanager
def sole_writer(path: Path, instead: str, warn: Callable[[str], None]) -> Iterator[None]:
    """Be the only one who writes to a file, while the block runs; `instead` says how another file is named.

    Devices and pipes are anybody's. `warn` is told where no lock can be made, and the block runs all the same; where
    there is no folder it is not: whoever opens the file says so.

    Raises:
        UsageError: another process is.
    """
    target = path.expanduser().resolve()
    if target.exists() and not target.is_file():
        yield
        return
    beside = target.with_name(f"{target.name}.lock")
    try:
        file = _taken(beside)
    except BlockingIOError:
        text = f"{path}: {_pid_in(beside) or 'another process'} writes to this file"
        raise UsageError(f"{text}; stop that one, or name another file with {instead}") from None
    except OSError as error:
        if beside.parent.is_dir():
            reason = error.strerror or error
            warn(f"cannot make {beside} ({reason}), so nothing keeps others from writing to {path}, too")
        yield
        return
    try:
        yield
    finally:
        beside.unlink(missing_ok=True)  # before it is free: whoever waits at the door finds a new one
        os.close(file)


def _taken(beside: Path) -> int:
    """The lock file, locked. Raises BlockingIOError, OSError."""
    while True:
        file = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(file, beside):
                os.ftruncate(file, 0)
                os.pwrite(file, b"%d\n" % os.getpid(), 0)
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # its owner has removed it meanwhile


def _is(file: int, path: Path) -> bool:
    """Whether the open file still has the name."""
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(file), named)


def _pid_in(beside: Path) -> str:
    """The process that the lock file names; empty where that is not known."""
    try:
        text = beside.read_bytes()[:_PID_BYTES].decode("ascii", "replace").strip()
    except OSError:
        return ""
    return f"process {text}" if text.isdecimal() else ""

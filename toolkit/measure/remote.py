"""Two things that only the host itself can do: forget its page cache, and ask the driver for the memory of its GPUs.

Both go through a `Runner`, which runs one program with its arguments and gives back what it printed.
"""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING, Final, Protocol

from toolkit.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MIB: Final = 1 << 20
DROP: Final = ("sudo", "-n", "sh", "-c", "sync && echo 3 > /proc/sys/vm/drop_caches")
USED: Final = ("nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits")


class Ran(Protocol):
    """How a program ended, and what it printed."""

    @property
    def code(self) -> int:
        """Its exit code."""
        ...

    @property
    def stdout(self) -> str:
        """What it printed."""
        ...

    @property
    def stderr(self) -> str:
        """What it complained of."""
        ...


class Runner(Protocol):
    """Runs programs on the host; those of `toolkit.ops.settings.runner` do."""

    def run(self, command: Sequence[str]) -> Ran:
        """Run a program to its end. Raises HostError if it cannot be run at all."""
        ...


class Pages:
    """The host's page cache."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def drop(self) -> None:
        """Write back and forget all clean pages. Raises HostError if the host does not allow that."""
        ran = await asyncio.to_thread(self._runner.run, DROP)
        if ran.code:
            raise HostError(
                f"the page cache could not be dropped ({_last_line(ran)}); it takes a user who may run "
                f"`{shlex.join(DROP[2:])}` with sudo and without a password; leave --drop-caches out to do without"
            )


async def gpu_used_bytes(runner: Runner) -> int:
    """Memory in use on all NVIDIA GPUs of the host together, by the driver.

    Raises:
        HostError: there is no nvidia-smi, or it says something else.
    """
    ran = await asyncio.to_thread(runner.run, USED)
    lines = [line.strip() for line in ran.stdout.splitlines() if line.strip()]
    if ran.code or not lines or not all(line.isdecimal() for line in lines):
        raise HostError(
            f"nvidia-smi says nothing of use on the host ({_last_line(ran)}); leave --ssh out to do without it"
        )
    return sum(int(line) for line in lines) * _MIB


def _last_line(ran: Ran) -> str:
    """What it said last, for a message."""
    lines = [line.strip() for line in (ran.stderr or ran.stdout).splitlines() if line.strip()]
    shown = "".join(sign for sign in lines[-1] if sign.isprintable())[:120] if lines else "it said nothing"
    return f"exit {ran.code}: {shown}"

"""Running programs on a host: this one, or another one through the system's own `ssh`.

A command is a list of words. Over ssh it has to become one text for the remote shell; `shlex.join` makes it, and what
a file is to hold goes through standard input, so no value is ever read as shell.
"""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from toolkit.config.scalars import is_ssh_target
from toolkit.errors import HostError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

CONNECT_WITHIN_S = 10
RUN_WITHIN_S = 180.0
"""A restart waits for the old server to end, which systemd allows 90 s."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended, and what it printed."""

    code: int
    stdout: str = ""
    stderr: str = ""


class Runner(Protocol):
    """Runs programs on one host."""

    @property
    def place(self) -> str:
        """How messages name the host."""
        ...

    def run(self, command: Sequence[str], stdin: str = "") -> Ran:
        """Run a program to its end. Raises HostError if it cannot be run at all."""
        ...


@dataclass(frozen=True, slots=True)
class LocalRunner:
    """On this machine, without any shell."""

    @property
    def place(self) -> str:
        """See `Runner`."""
        return "this machine"

    def run(self, command: Sequence[str], stdin: str = "") -> Ran:
        """See `Runner`."""
        return _run(command, stdin, self.place)


@dataclass(frozen=True, slots=True)
class SshRunner:
    """Over ssh, with the user's own keys and configuration; it never asks for anything.

    `target` is `user@host`, `ssh://user@host:port` or a name of `~/.ssh/config`. Raises UsageError for anything else:
    a target that begins with a dash would be an option to ssh.
    """

    target: str

    def __post_init__(self) -> None:
        if not is_ssh_target(self.target):
            raise UsageError(
                f"{self.target!r} is no ssh target: write user@host, ssh://user@host:2222, or a name of ~/.ssh/config"
            )

    @property
    def place(self) -> str:
        """See `Runner`."""
        return self.target

    def run(self, command: Sequence[str], stdin: str = "") -> Ran:
        """See `Runner`."""
        options = ("-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_WITHIN_S}")
        ran = _run(("ssh", *options, "--", self.target, shlex.join(command)), stdin, self.place)
        if ran.code == _SSH_FAILED:
            raise HostError(f"ssh {self.target}: {last_line(ran)}; does `ssh {self.target} true` work unasked?")
        return ran


_SSH_FAILED = 255  # ssh's own failures, as its manual says; no program used here ends so


def _run(command: Sequence[str], stdin: str, place: str) -> Ran:
    try:
        done = subprocess.run(  # noqa: S603 - a list of words, no shell
            list(command), input=stdin.encode(), capture_output=True, timeout=RUN_WITHIN_S, check=False
        )
    except OSError as error:
        raise HostError(f"{place}: {command[0]} cannot be started ({error.strerror}); is it installed?") from error
    except subprocess.TimeoutExpired:
        raise HostError(f"{place}: {command[0]} did not end in {RUN_WITHIN_S:g} s; look at the host") from None
    return Ran(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def last_line(ran: Ran) -> str:
    """What a program said last, fit for a message."""
    lines = [line.strip() for line in (ran.stderr or ran.stdout).splitlines() if line.strip()]
    said = "".join(sign for sign in lines[-1] if sign.isprintable())[:200] if lines else "it said nothing"
    return f"exit {ran.code}: {said}"

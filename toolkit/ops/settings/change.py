"""Changes a server's variables: shows the difference, writes with a backup, restarts, and goes back if it fails.

Order of an application: backup, new file beside the old one, rename over it, restart, wait for an answer. Whatever goes
wrong after the rename, an interruption included, the old file comes back and the server is restarted once more.
"""

from __future__ import annotations

import difflib
import time
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from toolkit.errors import HostError
from toolkit.ops.settings.runner import Ran, last_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolkit.ops.settings.deployment import Deployment
    from toolkit.ops.settings.runner import Runner

POLL_S = 0.5
_ABSENT = 3
"""What the reading command ends with where there is no file."""


class RolledBackError(HostError):
    """The change failed; the message says why, and how the host was left."""


@dataclass(frozen=True, slots=True)
class Change:
    """A file before and after; `before` is None where there is none."""

    path: str
    before: str | None
    after: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return self.before == self.after

    @property
    def diff(self) -> str:
        """A unified diff; empty if nothing would change."""
        old = [] if self.before is None else self.before.splitlines(keepends=True)
        name = "/dev/null" if self.before is None else self.path
        return "".join(difflib.unified_diff(old, self.after.splitlines(keepends=True), name, self.path))


@dataclass(frozen=True, slots=True)
class Host:
    """Where to do it. `answers` tells whether the server's API answers now; `within_s` is how long it may take."""

    runner: Runner
    answers: Callable[[], bool]
    within_s: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def run(self, command: Sequence[str], stdin: str = "") -> Ran:
        """Run a program that must succeed. Raises HostError."""
        ran = self.runner.run(command, stdin)
        if ran.code:
            raise HostError(f"{self.runner.place}: `{' '.join(command[:4])}` failed ({last_line(ran)})")
        return ran

    def comes_up(self, health: Sequence[str] | None) -> bool:
        """Wait for an answer; whether one came in time."""
        end_s = self.clock() + self.within_s
        while True:
            if self.answers() and (health is None or self.runner.run(health).code == 0):
                return True
            if self.clock() >= end_s:
                return False
            self.sleep(POLL_S)


def look_at(runner: Runner, deployment: Deployment, settings: Mapping[str, str]) -> Change:
    """Compare with what the host has. Reads only. Raises HostError if the file is there and cannot be read."""
    path = deployment.path
    script = f'if [ -e "$1" ]; then exec cat -- "$1"; else exit {_ABSENT}; fi'
    ran = runner.run(("sh", "-c", script, "sh", path))
    if ran.code not in {0, _ABSENT}:
        raise HostError(f"{runner.place}: {path} cannot be read ({last_line(ran)})")
    return Change(path, ran.stdout if ran.code == 0 else None, deployment.text(settings))


def apply(host: Host, deployment: Deployment, change: Change) -> None:
    """Put a change in force; does nothing if it is empty.

    Raises:
        RolledBackError: it failed, and the message says how the host was left.
        HostError: it failed before anything was changed.
    """
    if change.is_empty:
        return
    sudo = _sudo(host, deployment)
    _write(host, sudo, change)
    try:
        _activate(host, sudo, deployment, has_file=True)
        if not host.comes_up(_with(sudo, deployment.health())):
            raise HostError(f"the server did not answer within {host.within_s:g} s of the restart")  # noqa: TRY301 - one way back for all
    except HostError as error:
        raise RolledBackError(f"{error}; {_roll_back(host, sudo, deployment, change)}") from error
    except BaseException:  # interrupted: the host must not be left half changed
        _roll_back(host, sudo, deployment, change)
        raise


def backup_path(path: str) -> str:
    """Where the file before the last change is kept; systemd reads only names that end in .conf."""
    return f"{path}.before-hotswap"


def _sudo(host: Host, deployment: Deployment) -> tuple[str, ...]:
    """What commands begin with: nothing for root, and where root is not needed."""
    if not deployment.needs_root or host.run(("id", "-u")).stdout.strip() == "0":
        return ()
    return ("sudo", "-n")


def _with(sudo: tuple[str, ...], command: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if command is None else (*sudo, *command)


def _write(host: Host, sudo: tuple[str, ...], change: Change) -> None:
    new = f"{change.path}.new"
    host.run((*sudo, "mkdir", "-p", "--", str(PurePosixPath(change.path).parent)))
    if change.before is not None:
        host.run((*sudo, "cp", "-p", "--", change.path, backup_path(change.path)))
    host.run((*sudo, "tee", "--", new), change.after)
    host.run((*sudo, "chmod", "644", "--", new))
    host.run((*sudo, "mv", "-f", "--", new, change.path))


def _activate(host: Host, sudo: tuple[str, ...], deployment: Deployment, *, has_file: bool) -> None:
    for command in deployment.activation(has_file=has_file):
        host.run((*sudo, *command))


def _roll_back(host: Host, sudo: tuple[str, ...], deployment: Deployment, change: Change) -> str:
    """Bring the old file back and restart; how that went, as the end of a sentence."""
    path = change.path
    try:
        if change.before is None:
            host.run((*sudo, "rm", "-f", "--", path))
        else:
            host.run((*sudo, "cp", "-p", "--", backup_path(path), path))
        _activate(host, sudo, deployment, has_file=change.before is not None)
    except HostError as error:
        return f"and going back failed, too: {error}; restore {path} by hand"
    if host.comes_up(_with(sudo, deployment.health())):
        return f"{path} is as it was before, and the server answers again"
    return f"{path} is as it was before, but the server does not answer with that either; look into its log"

"""How a server is run, by systemd or docker compose: which file holds its variables, what puts them in force. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

from toolkit.errors import UsageError
from toolkit.ops.settings.rendered import compose_override, drop_in

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:_.@-]{0,200}\.service")
_SERVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}")
Command = tuple[str, ...]


class Deployment(Protocol):
    """One way of running a server."""

    @property
    def path(self) -> str:
        """The file that holds the variables."""
        ...

    @property
    def needs_root(self) -> bool:
        """Whether file and commands belong to root."""
        ...

    def text(self, settings: Mapping[str, str]) -> str:
        """What the file is to hold."""
        ...

    def activation(self, *, has_file: bool) -> tuple[Command, ...]:
        """What puts the file (or its absence) in force, in order; it restarts the server."""
        ...

    def health(self) -> Command | None:
        """What ends with 0 if the server runs, beyond its answering."""
        ...


@dataclass(frozen=True, slots=True)
class SystemdUnit:
    """A service of systemd, with a drop-in that comes after the `override.conf` that `systemctl edit` makes.

    Raises UsageError for what is no name of a service.
    """

    unit: str = "ollama.service"
    directory: str = "/etc/systemd/system"

    def __post_init__(self) -> None:
        if _UNIT.fullmatch(self.unit) is None:
            raise UsageError(f"{self.unit!r} is no name of a systemd service; it is written like ollama.service")

    @property
    def path(self) -> str:
        """See `Deployment`."""
        return f"{self.directory}/{self.unit}.d/zz-hotswap.conf"

    @property
    def needs_root(self) -> bool:
        """See `Deployment`."""
        return True

    def text(self, settings: Mapping[str, str]) -> str:
        """See `Deployment`."""
        return drop_in(settings)

    def activation(self, *, has_file: bool) -> tuple[Command, ...]:  # noqa: ARG002 - systemd looks for itself
        """See `Deployment`."""
        return (("systemctl", "daemon-reload"), ("systemctl", "restart", "--", self.unit))

    def health(self) -> Command | None:
        """See `Deployment`."""
        return ("systemctl", "is-active", "--quiet", "--", self.unit)


@dataclass(frozen=True, slots=True)
class ComposeService:
    """A service of a compose file, with an override file beside it that is named on each call of `docker compose`.

    `others` are further files of the project that are to stay in force (its own override). Raises UsageError for a
    relative path over ssh nobody could find, and for what is no name of a service.
    """

    file: str
    service: str = "ollama"
    others: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.file.startswith("/"):
            raise UsageError(f"{self.file!r}: give the compose file with its whole path, beginning with /")
        if _SERVICE.fullmatch(self.service) is None:
            raise UsageError(f"{self.service!r} is no name of a service of a compose file")

    @property
    def path(self) -> str:
        """See `Deployment`."""
        return _beside(self.file, "hotswap")

    @property
    def own_override(self) -> str:
        """The override that compose would read by itself, if no file were named."""
        return _beside(self.file, "override")

    @property
    def needs_root(self) -> bool:
        """See `Deployment`."""
        return False

    def text(self, settings: Mapping[str, str]) -> str:
        """See `Deployment`."""
        return compose_override(self.service, settings)

    def activation(self, *, has_file: bool) -> tuple[Command, ...]:
        """See `Deployment`."""
        files = (self.file, *self.others, *((self.path,) if has_file else ()))
        named = tuple(word for file in files for word in ("-f", file))
        return (("docker", "compose", *named, "up", "-d", "--", self.service),)

    def health(self) -> Command | None:
        """See `Deployment`."""
        return None


def _beside(file: str, word: str) -> str:
    """`/srv/compose.yaml` → `/srv/compose.WORD.yaml`."""
    path = PurePosixPath(file)
    return str(path.with_name(f"{path.stem}.{word}{path.suffix}"))

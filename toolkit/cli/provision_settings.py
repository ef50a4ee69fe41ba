"""`hotswap provision settings`: the server's own variables."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli.provision_options import host_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.cli.provision_session import ProvisionSession
    from toolkit.ops.settings.change import Change, Host
    from toolkit.ops.settings.deployment import Deployment
    from toolkit.ops.settings.runner import Runner

F = TypeVar("F", bound="Callable[..., Any]")
_WHERE = (
    click.option("--ssh", metavar="USER@HOST", help="Over ssh; none: host.ssh of the config."),
    click.option("--local", is_flag=True, help="On this machine."),
    click.option("--unit", default="ollama.service", show_default=True, help="The systemd service."),
    click.option("--compose", metavar="FILE", help="Not systemd: a compose file on that machine, with its whole path."),
    click.option("--service", default="ollama", show_default=True, help="The service in the compose file."),
)


def _where(command: F) -> F:
    for option in reversed(_WHERE):
        command = option(command)
    return command


@click.group("settings")
def settings() -> None:
    """The server's own variables: show what would change, change it, go back if that fails.

    They are those of `host.settings` in the config, and become a systemd drop-in (or a compose override) on the host.

    \b
    hotswap provision settings plan --config my-host.yaml --ssh ollama@gpu-box
    hotswap provision settings apply --config my-host.yaml --ssh ollama@gpu-box
    hotswap provision settings plan --config my-host.yaml --local --compose /srv/ollama/compose.yaml
    """  # noqa: D301 - click reads the mark


@settings.command()
@_where
@host_options
def plan(**given: Any) -> None:
    """Show the difference between the host's file and the config. Changes nothing."""
    work = Work.open(given)
    change = work.change()
    text = change.diff.rstrip("\n") or f"{work.runner.place}: {change.path} is as the config says; nothing to do"
    work.session.show(text, work.as_json(change, applied=False))


@settings.command()
@_where
@click.option("--within", type=click.FloatRange(0, 3600), default=60, show_default=True, help="Seconds to come up in.")
@host_options
def apply(within: float, **given: Any) -> None:
    """Write the file, restart the server, and go back if it does not answer.

    The restart ends every request under way and empties the server's memory. Commands for systemd are run with
    `sudo -n` unless the user is root.
    """
    from toolkit.ops.settings import change as changes  # noqa: PLC0415 - keeps `--help` cheap

    work = Work.open(given)
    change = work.change()
    if not work.session.quiet:
        click.echo(change.diff, err=True, nl=False)
    changes.apply(work.host(within), work.deployment, change)
    done = "nothing to do" if change.is_empty else f"{change.path} is in force, and the server answers"
    work.session.show(f"{work.runner.place}: {done}", work.as_json(change, applied=not change.is_empty))


@dataclass(frozen=True, slots=True)
class Work:
    """One call: whose settings, where, and how the server is run there."""

    session: ProvisionSession
    runner: Runner
    deployment: Deployment

    @classmethod
    def open(cls, given: dict[str, Any]) -> Work:
        """Read config and options. Raises UsageError if it is not clear where, or there is nothing to set."""
        from toolkit.cli.provision_session import ProvisionSession  # noqa: PLC0415 - keeps `--help` cheap
        from toolkit.errors import UsageError  # noqa: PLC0415

        session = ProvisionSession.open(given)
        if not session.config.host.settings:
            raise UsageError("the config sets nothing: write variables into host.settings, like OLLAMA_NUM_PARALLEL: 2")
        runner = _runner(given["ssh"], session.config.host.ssh, local=given["local"])
        return cls(session, runner, _deployment(runner, given))

    def change(self) -> Change:
        """What would change."""
        from toolkit.ops.settings.change import look_at  # noqa: PLC0415 - keeps `--help` cheap

        return look_at(self.runner, self.deployment, self.session.config.host.settings)

    def host(self, within_s: float) -> Host:
        """The host, with the question whether its server answers."""
        from toolkit.ops.settings.change import Host  # noqa: PLC0415 - keeps `--help` cheap

        return Host(self.runner, lambda: asyncio.run(self._answers()), within_s)

    def as_json(self, change: Change, *, applied: bool) -> dict[str, Any]:
        """The outcome for machines."""
        return {
            "host": self.runner.place,
            "path": change.path,
            "changes": not change.is_empty,
            "applied": applied,
            "diff": change.diff,
        }

    async def _answers(self) -> bool:
        from toolkit.ollama.errors import OllamaError  # noqa: PLC0415 - keeps `--help` cheap
        from toolkit.ollama.from_config import client_from_config  # noqa: PLC0415

        async with client_from_config(self.session.config.host, os.environ, self.session.address) as client:
            client.timeouts = replace(client.timeouts, control_ns=2_000_000_000, connect_ns=2_000_000_000)
            try:
                await client.version()
            except OllamaError:  # not up yet
                return False
            return True


def _runner(ssh: str | None, from_config: str | None, *, local: bool) -> Runner:
    from toolkit.errors import UsageError  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.ops.settings.runner import LocalRunner, SshRunner  # noqa: PLC0415

    if local and ssh:
        raise UsageError("--ssh and --local exclude each other")
    if local:
        return LocalRunner()
    target = ssh or from_config
    if target is None:
        raise UsageError("on which machine? say --ssh user@host or --local, or set host.ssh in the config")
    return SshRunner(target)


def _deployment(runner: Runner, given: dict[str, Any]) -> Deployment:
    from toolkit.ops.settings.deployment import ComposeService, SystemdUnit  # noqa: PLC0415 - keeps `--help` cheap

    if given["compose"] is None:
        return SystemdUnit(given["unit"])
    plain = ComposeService(given["compose"], given["service"])
    has_own = runner.run(("test", "-e", plain.own_override)).code == 0
    return replace(plain, others=(plain.own_override,)) if has_own else plain

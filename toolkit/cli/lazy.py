"""A click group whose commands are imported when they are called, so that `hotswap --help` costs an import of click.

The price is that each command's one-line help stands twice: in the table of the group and in the command. A test keeps
them equal.
"""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


OBEYED_BY_ALL = ("--quiet", "--no-color")
"""Flags that may stand behind any command: one that has no notes or no colours obeys them as it is. The other global
options may stand before any command, so that an alias can hold them, but behind only those that have a use for them."""

SET_KEY = "hotswap.set"
"""Under this name the context holds every `--set` of a call, in order."""


def set_option(*, hidden: bool = False) -> click.Option:
    """`--set key.path=value`, which may be given several times, before and behind the command.

    Its values go into the context, where loading the config finds them: no command has to pass them on.
    """
    return click.Option(
        ["--set", "overrides"],
        metavar="KEY.PATH=VALUE",
        multiple=True,
        expose_value=False,
        hidden=hidden,
        callback=_remember_overrides,
        help="Override a value of the config; may be given several times.",
    )


def _remember_overrides(context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> None:
    context.meta[SET_KEY] = (*context.meta.get(SET_KEY, ()), *given)


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command lives (`module:attribute`) and what `--help` says about it in one line."""

    name: str
    target: str
    help: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.target} is not a click command")
        return _accepting(command)


class LazyGroup(click.Group):
    """A group made from a table of `LazyCommand`s.

    Options given before the command (`hotswap --json compare …`) become the defaults of the command's own options of
    the same name, in nested groups too, so each can stand on either side.
    """

    def __init__(self, *args: Any, commands_table: tuple[LazyCommand, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._table = {command.name: command for command in commands_table}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the table's order: it tells a story, which the alphabet does not."""
        return [*self._table, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command by its name."""
        entry = self._table.get(cmd_name)
        return entry.load() if entry else super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and hand it the group's own options as defaults."""
        if args and args[0] not in self.list_commands(ctx):
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and command is not None:
            given = {key: value for key, value in ctx.params.items() if value is not None and value is not False}
            ctx.default_map = {name: _defaults_for(command, ctx, given)}
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        rows = [(entry.name, entry.help) for entry in self._table.values()]
        for name in super().list_commands(ctx):
            command = super().get_command(ctx, name)
            if command is not None and not command.hidden:
                rows.append((name, command.get_short_help_str(limit=formatter.width)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _accepting(command: click.Command) -> click.Command:
    """Let a command take `OBEYED_BY_ALL` and `--set`; what it has no use for stays out of its help."""
    if isinstance(command, click.Group):
        for sub_command in command.commands.values():
            _accepting(sub_command)
        return command
    own = {spelling for parameter in command.params for spelling in parameter.opts}
    for spelling in OBEYED_BY_ALL:
        if spelling not in own:
            command.params.append(click.Option([spelling], is_flag=True, hidden=True, expose_value=False))
    if "--set" not in own:
        command.params.append(set_option(hidden="--config" not in own))
    return command


def _defaults_for(command: click.Command, ctx: click.Context, given: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(command, click.Group):
        return dict(given)
    nested: dict[str, Any] = dict(given)
    for name in command.list_commands(ctx):
        sub_command = command.get_command(ctx, name)
        if sub_command is not None:
            nested[name] = _defaults_for(sub_command, ctx, given)
    return nested

"""The options that the commands of `hotswap provision` share; here a host is always a real one, never the twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

_HOST = (
    click.option("--config", metavar="FILE", help="What the host should have (or HOTSWAP_CONFIG). Needed."),
    click.option("--host", metavar="URL", help="The host; none: llm.base_url of the config."),
    click.option("--json", "as_json", is_flag=True, help="JSON on stdout, nothing else there."),
    click.option("--quiet", is_flag=True, help="No progress and no notes on stderr."),
)


def host_options(command: F) -> F:
    """Add config, host and the ways of output; `ProvisionSession.open` reads them."""
    for option in reversed(_HOST):
        command = option(command)
    return command

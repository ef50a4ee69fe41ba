"""`hotswap config`: is a file right, and what is in force?"""

from __future__ import annotations

import json
import os

import click

from toolkit.cli.options import load_with_overrides
from toolkit.errors import ConfigError, UsageError


@click.group("config")
def config() -> None:
    """Check a config file, or show what is in force."""


@config.command("check")
@click.argument("file", required=False)
@click.option("--config", metavar="FILE", help="The same as FILE.")
@click.option("--json", "as_json", is_flag=True, help="The outcome as JSON on stdout.")
@click.option("--quiet", is_flag=True, help="Errors only.")
def check(file: str | None, config: str | None, *, as_json: bool, quiet: bool) -> None:
    """Check a config file: every mistake with its line, then what may surprise.

    Exit code 0, or 2 with one message on stderr for each mistake.
    """
    from toolkit.config.loading import config_path  # noqa: PLC0415 - loaded when called, for a quick --help
    from toolkit.config.render import summary  # noqa: PLC0415 - as above

    path = config_path(file or config, os.environ)
    if path is None:
        raise UsageError("no file is named: give it as an argument, with --config, or in HOTSWAP_CONFIG")
    try:
        loaded = load_with_overrides(path)
    except ConfigError as error:
        if as_json:
            click.echo(json.dumps({"ok": False, "problems": error.problems, "warnings": [], "notes": []}, indent=2))
        raise
    if as_json:
        outcome = {"ok": True, "problems": [], "warnings": loaded.warnings, "notes": loaded.notes}
        click.echo(json.dumps(outcome, indent=2))
    elif not quiet:
        click.echo("\n".join([*(f"{text} (warning)" for text in loaded.warnings), *loaded.notes, summary(loaded)]))


@config.command("show")
@click.argument("file", required=False)
@click.option("--config", metavar="FILE", help="The same as FILE.")
@click.option("--json", "as_json", is_flag=True, help="Config, origins, warnings and notes as JSON.")
def show(file: str | None, config: str | None, *, as_json: bool) -> None:
    """Show the config in force, and where each value comes from: a line of the file, --set, a default, the environment.

    Without FILE and HOTSWAP_CONFIG that is the embedded default. Secrets are masked.
    """
    from toolkit.config.loading import config_path  # noqa: PLC0415 - loaded when called, for a quick --help
    from toolkit.config.render import render_data, render_yaml  # noqa: PLC0415 - as above

    loaded = load_with_overrides(config_path(file or config, os.environ))
    if as_json:
        click.echo(json.dumps(render_data(loaded, os.environ), indent=2))
    else:
        click.echo(render_yaml(loaded, os.environ), nl=False)

"""`hotswap context`: what a model is given to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


@click.group("context")
def context() -> None:
    """Show what a model would be given to read, and why."""


@context.command("show")
@click.argument("ref", metavar="SESSION")
@click.option("--message", metavar="TEXT", help="As if the user said this next; it also decides what is looked up.")
@click.option("--model", metavar="NAME", help="For this model; by default the one that answered last.")
@click.option("--num-ctx", type=click.IntRange(4), metavar="N", help="Context; by default the config's for the model.")
@click.option(
    "--sessions",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The session file; by default the config's gateway.sessions.file.",
)
@click.option("--config", metavar="FILE", help="Configuration file (or HOTSWAP_CONFIG).")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
def show(ref: str, file: Path | None, config: str | None, *, as_json: bool, **given: Any) -> None:
    """Print exactly what would be sent next in a session, and for each part its tokens, its budget, and why.

    No host is asked: without --num-ctx and without num_ctx in the config, a context of 4096 is taken, and older
    messages are searched by words.

    \b
    hotswap context show latest
    hotswap context show kitchen --message "What was the name of my cat?" --model qwen2.5:32b --num-ctx 8192
    hotswap context show latest --json | jq .messages
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.context_run import Given, composed  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.gateway.context.text import context_data, context_text  # noqa: PLC0415 - as above

    session_id, name, composition = composed(ref, Given(**given), file, config)
    if as_json:
        click.echo(json.dumps(context_data(session_id, name, composition), indent=2, ensure_ascii=False))
    else:
        click.echo(context_text(session_id, name, composition))

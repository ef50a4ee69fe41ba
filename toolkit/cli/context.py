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
@click.option("--num-ctx", type=click.IntRange(4), metavar="N", help="Context; by default what the gateway would take.")
@click.option(
    "--sessions",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The session file; by default the config's gateway.sessions.file.",
)
@click.option("--config", metavar="FILE", help="Configuration file (or HOTSWAP_CONFIG).")
@click.option("--host", metavar="URL", help="The host that is asked for the context; by default the config's hosts.")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
def show(ref: str, file: Path | None, config: str | None, *, as_json: bool, **given: Any) -> None:
    """Print exactly what would be sent next in a session, and for each part its tokens, its budget, and why.

    The context is that of --num-ctx, else of num_ctx in the config's options of the model, else what a host has
    the model loaded with, which is asked for; if none has it, or none answers, 4096 are assumed. The second line says
    which it was. Older messages are searched by words only.

    \b
    hotswap context show latest
    hotswap context show kitchen --message "What was the name of my cat?" --model qwen2.5:32b --num-ctx 8192
    hotswap context show latest --json | jq .messages
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.context_run import Given, composed  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.gateway.context.text import context_data, context_text  # noqa: PLC0415 - as above

    shown = composed(ref, Given(**given), file, config)
    if as_json:
        data = {**context_data(shown.session_id, shown.model, shown.composition), "context_is": shown.context_is}
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        first, _, rest = context_text(shown.session_id, shown.model, shown.composition).partition("\n")
        click.echo(f"{first}\nthe context is {shown.context_is}\n{rest}")

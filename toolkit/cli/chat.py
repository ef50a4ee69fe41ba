"""`hotswap chat`: talk through the router."""

from __future__ import annotations

from typing import Any

import click

from toolkit.cli.options import global_options


@click.command("chat")
@click.argument("text", nargs=-1)
@click.option("--model", metavar="NAME", help="This model answers; none: the router chooses, question by question.")
@global_options
def chat(text: tuple[str, ...], model: str | None, **given: Any) -> None:
    """Talk to the models through the router, in the terminal.

    Each question goes to the model that the config's rules choose for it; all of them are shown the same conversation.
    Beside the answer stands which model gave it and why, whether it was cold or warm, and its tokens a second. TEXT, or
    stdin that is no terminal, is asked as one question. In a terminal: /model NAME, /model auto, /reset, /quit; Ctrl-C
    stops an answer, and ends the program where there is none.

    \b
    hotswap chat --host http://127.0.0.1:11434
    hotswap chat --config my-host.yaml --host config "What is a mutex?"
    git diff | hotswap chat --config my-host.yaml --host config --model deepseek-coder-v2:16b
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.chat_run import run  # noqa: PLC0415 - keeps `--help` cheap

    run(" ".join(text), model, given)

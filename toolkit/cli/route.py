"""`hotswap route`: which model a prompt goes to, and how often the router is right on labelled prompts."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import load_with_overrides
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.routing.evaluation import Evaluation
    from toolkit.routing.router import Router

_SHOWN_MISTAKES = 20


@click.command("route")
@click.argument("text", nargs=-1)
@click.option("--config", metavar="FILE", help="Configuration file (or HOTSWAP_CONFIG); none: the embedded default.")
@click.option("--eval", "labelled", metavar="FILE", help="Route labelled prompts instead: JSON Lines of text, label.")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
def route(text: tuple[str, ...], config: str | None, labelled: str | None, *, as_json: bool) -> None:
    """Say which model a prompt goes to, and why.

    TEXT is the prompt (write -- before it if it begins with a dash); without it, or with -, the prompt is read from
    stdin, and one line end at its end is dropped. Nothing is sent to a host.

    \b
    hotswap route "Why does this function crash?"
    git diff | hotswap route --config config/ollama-vm.yaml --json -
    hotswap route --eval scenarios/labelled-prompts.jsonl
    """  # noqa: D301 - click reads the mark
    from toolkit.config.loading import config_path  # noqa: PLC0415 - loaded when called, for a quick --help
    from toolkit.routing.from_config import router_from_config  # noqa: PLC0415 - as above

    if labelled is not None and text:
        raise UsageError("give a TEXT or --eval FILE, not both")
    router = router_from_config(load_with_overrides(config_path(config, os.environ)).config.llm)
    if labelled is not None:
        _show_evaluation(router, labelled, as_json=as_json)
    else:
        _show_decision(router, _prompt(text), as_json=as_json)


def _prompt(text: tuple[str, ...]) -> str:
    """The words of the command line, as `echo` joins them, or stdin. Raises UsageError for blanks alone."""
    if text and text != ("-",):
        prompt, where = " ".join(text), "TEXT is empty"
    else:
        given = sys.stdin.buffer.read().decode(errors="replace")
        # `echo text | hotswap route` asks about the text, as `$(…)` in a shell would; rules may end in `$`.
        prompt, where = given.removesuffix("\n").removesuffix("\r"), "stdin is empty"
    if not prompt.strip():
        raise UsageError(f"there is no prompt to route, {where}: give a TEXT, or write the prompt to stdin")
    return prompt


def _show_decision(router: Router, text: str, *, as_json: bool) -> None:
    decision = router.route(text)
    if as_json:
        shown = {key: getattr(decision, key) for key in ("model", "role", "reason", "rule")}
        click.echo(json.dumps(shown))
    else:
        role = f" ({decision.role})" if decision.role else ""
        click.echo(f"{decision.model}{role}: {decision.reason}")


def _show_evaluation(router: Router, file: str, *, as_json: bool) -> None:
    from toolkit.routing.evaluation import evaluate, parse_labelled  # noqa: PLC0415 - only with --eval

    result = evaluate(router, parse_labelled(_read(file), file))
    click.echo(json.dumps(_evaluation_data(result), indent=2) if as_json else _evaluation_text(result))


def _read(file: str) -> bytes:
    try:
        with open(file, "rb") as opened:  # noqa: PTH123 - the name is shown as it was given
            return opened.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{file}: {reason}; --eval needs a readable JSON Lines file") from None


def _evaluation_data(result: Evaluation) -> dict[str, Any]:
    return {
        "prompts": result.prompts,
        "correct": result.correct,
        "accuracy": result.accuracy,
        "accuracy_interval_95": result.accuracy_interval,
        "labels": result.labels,
        "confusion": result.confusion,
        "mistakes": [
            {
                "where": mistake.prompt.where,
                "expected": mistake.expected,
                "model": mistake.decision.model,
                "role": mistake.decision.role,
                "reason": mistake.decision.reason,
            }
            for mistake in result.mistakes
        ],
    }


def _evaluation_text(result: Evaluation) -> str:
    low, high = result.accuracy_interval
    share = f"{result.accuracy:.1%} (95 % interval {low:.1%} to {high:.1%})"
    lines = [
        f"{result.correct} of {result.prompts} prompts went where they belong: {share}",
        "",
        *_confusion_lines(result),
    ]
    if result.mistakes:
        lines.append("")
    for mistake in result.mistakes[:_SHOWN_MISTAKES]:
        went = mistake.decision.role or mistake.decision.model
        lines.append(
            f"{mistake.prompt.where}: belongs to {mistake.expected}, went to {went}: {mistake.decision.reason}"
        )
    if len(result.mistakes) > _SHOWN_MISTAKES:
        lines.append(f"and {len(result.mistakes) - _SHOWN_MISTAKES} more; --json lists them all")
    return "\n".join(lines)


def _confusion_lines(result: Evaluation) -> list[str]:
    """A row for where prompts belong, a column for where they went."""
    widths = [max(len(label), len(str(result.prompts))) for label in result.labels]
    first = max(len(label) for label in (*result.labels, "belongs to"))
    table = [("belongs to", result.labels), *zip(result.labels, result.confusion, strict=True)]
    rows = []
    for name, cells in table:
        columns = "  ".join(f"{cell!s:>{width}}" for cell, width in zip(cells, widths, strict=True))
        rows.append(f"{name:<{first}}  {columns}" + ("  (went to)" if cells is result.labels else ""))
    return rows

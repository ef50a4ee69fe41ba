"""`hotswap twin`: the simulated host. Its commands load what they need when they run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from toolkit.cli.lazy import LazyCommand, LazyGroup

SCENARIOS = click.argument("scenarios", type=click.Path(path_type=Path), metavar="IN.jsonl")


COMMANDS = (
    LazyCommand(
        "serve",
        "toolkit.cli.twin_serve:serve",
        "An Ollama server that loads nothing: its API, its scheduler and its timing, without models or a GPU.",
    ),
)
"""Commands that live in modules of their own."""


@click.group(cls=LazyGroup, commands_table=COMMANDS)
def twin() -> None:
    """The simulated Ollama host: trace, check, explain, serve."""


@twin.command()
@SCENARIOS
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file, not to stdout.")
def trace(scenarios: Path, out: Path | None) -> None:
    """Play recorded scenarios and write what the twin does, one line each.

    What a recording says should happen is never looked at.
    """
    from toolkit.host.trace.play import outcome_lines, write_outcomes  # noqa: PLC0415 - loaded only by this command

    if out is not None:
        write_outcomes(scenarios, out)
        return
    for line in outcome_lines(scenarios):
        click.echo(line, nl=False)


@twin.command()
@SCENARIOS
@click.option("--json", "as_json", is_flag=True, help="The verdicts as one JSON document.")
@click.pass_context
def check(context: click.Context, scenarios: Path, *, as_json: bool) -> None:
    """Play recorded scenarios and compare event by event; exit 1 if one differs."""
    from toolkit.host.trace.check import check_file, describe  # noqa: PLC0415 - loaded only by this command

    verdicts = []
    for verdict in check_file(scenarios):
        verdicts.append(verdict)
        if not verdict.agrees and not as_json:
            click.echo(describe(verdict) + "\n")
    agreeing = sum(verdict.agrees for verdict in verdicts)
    if as_json:
        differing = [{"id": one.id, "told": describe(one)} for one in verdicts if not one.agrees]
        click.echo(json.dumps({"scenarios": len(verdicts), "agree": agreeing, "differing": differing}, indent=2))
    else:
        click.echo(f"{agreeing}/{len(verdicts)} scenarios agree")
    context.exit(0 if agreeing == len(verdicts) else 1)


@twin.command()
@SCENARIOS
@click.option("--scenario", "scenario_id", metavar="ID", help="Which one; not needed if the file holds only one.")
def explain(scenarios: Path, scenario_id: str | None) -> None:
    """Tell one scenario in sentences: who was in memory when, who had to go, and why."""
    from toolkit.host.trace.explain import explain as tell  # noqa: PLC0415 - loaded only by this command
    from toolkit.host.trace.scenario import find_scenario  # noqa: PLC0415 - loaded only by this command

    click.echo(tell(find_scenario(scenarios, scenario_id)))

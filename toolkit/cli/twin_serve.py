"""`hotswap twin serve`: the simulated host over HTTP."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.cli.options import load_given_twin
from toolkit.cli.serving import check_ready_file, is_loopback, run_to_the_end, write_ready_file
from toolkit.errors import UsageError
from toolkit.host.app.inspect import EventLog, inspector
from toolkit.host.app.serve import serve as serve_app
from toolkit.host.assembly import Twin, TwinOptions, assemble
from toolkit.host.clock import RealClock
from toolkit.host.faults.doors import PortDoors
from toolkit.host.faults.faulty_host import assemble_faulty
from toolkit.host.faults.plan import FaultPlan, load_faults

if TYPE_CHECKING:
    from toolkit.host.app.wire import App

DEFAULT_PORT = 11434
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@click.command()
@click.option("--config", metavar="FILE", help="Its `twin` section describes the host; none: the embedded twin.")
@click.option("--profile", type=click.Choice(["v0.32", "v0.24"]), help="Release line to imitate.")
@click.option("--env", "variables", multiple=True, metavar="KEY=VALUE", help="A variable of the server's environment.")
@click.option("--bind", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: any free one.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Gets the base URL once clients can connect.")
@click.option(
    "--models", type=click.Path(path_type=Path), metavar="FILE", help="Recorded models instead of the config's."
)
@click.option("--time-scale", type=click.FloatRange(0, 1000), default=1.0, show_default=True,
              help="Factor on invented durations; keep-alive is never scaled.")  # fmt: skip
@click.option(
    "--faults", type=click.Path(path_type=Path), metavar="FILE", help="What goes wrong and when; see docs/faults.md."
)
@click.option("--voice", default="prose", show_default=True, help="What models say: prose, echo, context or say:TEXT.")
@click.option("--seed", type=int, default=0, help="Seed of everything that is drawn at random.")
@click.option("--inspect", "inspects", is_flag=True, help="Serve /twin/state and /twin/events as well.")
@click.option("--quiet", is_flag=True, help="No notes on stderr.")
def serve(
    *,
    config: str | None,
    profile: str | None,
    variables: tuple[str, ...],
    bind: str,
    port: int,
    ready_file: Path | None,
    models: Path | None,
    time_scale: float,
    faults: Path | None,
    voice: str,
    seed: int,
    inspects: bool,
    quiet: bool,
) -> None:
    """An Ollama server that loads nothing: its API, its scheduler and its timing, without models or a GPU.

    Loads, unloads and answers take the time that they would take on the described host, times --time-scale. It talks
    to nobody: pulls come from a simulated registry.
    """
    check_ready_file(ready_file)
    loaded = load_given_twin(config, quiet=quiet)
    options = TwinOptions(
        section=loaded.config.twin,
        profile=profile,
        environment=environment_of(variables),
        models_file=models,
        recorded_hardware=loaded.path is None,
        time_scale=time_scale,
        voice=voice,
        seed=seed,
        bind=bind,
    )
    if not (quiet or is_loopback(bind)):
        click.echo(f"warning: {bind} can be reached from other machines, and the twin has no access control", err=True)
    plan = FaultPlan() if faults is None else load_faults(faults)
    doors = PortDoors(plan)
    twin, app = make_twin(options, plan, doors, inspects=inspects)

    def ready(url: str) -> None:
        if not quiet:
            what = f"Ollama {twin.services.line.version}"
            click.echo(f"the twin answers as {what} at {url}; stop it with Ctrl-C", err=True)
        if ready_file is not None:
            write_ready_file(ready_file, url)

    run_to_the_end(serve_app(app, bind, port, ready, doors))


def make_twin(options: TwinOptions, plan: FaultPlan, doors: PortDoors, *, inspects: bool = False) -> tuple[Twin, App]:
    """A twin on the real clock, with pages about itself if wanted, and what clients get to see of it."""
    events = EventLog() if inspects else None
    if plan.faults:
        faulty = assemble_faulty(options, RealClock(), plan, doors, observer=events)
        twin: Twin = faulty.twin
        app: App = faulty.app
    else:
        twin = assemble(options, RealClock(), observer=events)
        app = twin.app
    if events is not None:
        twin.app.inspector = inspector(twin.host, events)
    return twin, app


def environment_of(variables: tuple[str, ...]) -> dict[str, str]:
    """`KEY=VALUE` pairs as a mapping. Raises UsageError."""
    found: dict[str, str] = {}
    for text in variables:
        name, sign, value = text.partition("=")
        if not sign or _VARIABLE.fullmatch(name) is None:
            raise UsageError(f"--env {text!r}: write NAME=VALUE, for example OLLAMA_MAX_LOADED_MODELS=2")
        found[name] = value
    return found

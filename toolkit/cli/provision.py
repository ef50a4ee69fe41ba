"""`hotswap provision`: what a host should have, what it has, and making the one into the other."""

from __future__ import annotations

from typing import Any

import click

from toolkit.cli.lazy import LazyCommand, LazyGroup
from toolkit.cli.provision_options import host_options

COMMANDS = (
    LazyCommand(
        "settings",
        "toolkit.cli.provision_settings:settings",
        "The server's own variables: show what would change, change it, go back if that fails.",
    ),
)
"""Commands that live in modules of their own."""
EXIT_FAILED = 1
_GPUS = click.option("--gpu", "--gpus", "gpus", metavar="NAMES", help="The host's GPUs; none: twin.gpus of the config.")


@click.group("provision", cls=LazyGroup, commands_table=COMMANDS)
def provision() -> None:
    """Make a host have the models that the config names: plan, apply, status, prune, pin, settings.

    \b
    hotswap provision plan --config my-host.yaml          what would be done; changes nothing
    hotswap provision apply --config my-host.yaml         pulls and creates; can be broken off and called again
    hotswap provision pin qwen2.5:7b --config my-host.yaml

    The host is the one of the config (llm.base_url), or that of --host.
    """  # noqa: D301 - click reads the mark


@provision.command()
@host_options
def plan(**given: Any) -> None:
    """Say what `apply` would do, and what disk it needs. Changes nothing.

    \b
    hotswap provision plan --config my-host.yaml
    hotswap provision plan --config my-host.yaml --host http://10.0.0.5:11434 --json
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.provision_pins import run_plan  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.cli.provision_session import ProvisionSession  # noqa: PLC0415

    run_plan(ProvisionSession.open(given))


@provision.command()
@click.option("--jobs", type=click.IntRange(1, 16), default=2, show_default=True, help="Pulls at a time.")
@click.option("--tries", type=click.IntRange(1, 100), default=6, show_default=True, help="Of each, while it may pass.")
@click.option("--backoff", metavar="TIME", default="1s", show_default=True, help="First wait; doubled up to 1 min.")
@click.option("--seed", type=int, help="Seed of the jitter of the waits; none: a fresh one.")
@host_options
def apply(jobs: int, tries: int, backoff: str, seed: int | None, **given: Any) -> None:
    """Pull and create what is missing or differs. Adds only; removes nothing.

    Can be broken off with Ctrl-C at any time: what was fetched stays with the server, and the next call goes on. Ends
    with 1 if something could not be done; the rest is done nevertheless.

    \b
    hotswap provision apply --config my-host.yaml --jobs 3
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.provision_apply import run_apply  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.cli.provision_session import ProvisionSession  # noqa: PLC0415
    from toolkit.ops.provision.render import applied_json, applied_text  # noqa: PLC0415

    session = ProvisionSession.open(given)
    applied = run_apply(session, jobs, tries, backoff, seed)
    session.show(applied_text(applied, session.place), applied_json(applied, session.place))
    if not applied.converged:
        click.get_current_context().exit(EXIT_FAILED)


@provision.command()
@host_options
def status(**given: Any) -> None:
    """Show each model: declared, on disk, in memory, for how long."""
    import time  # noqa: PLC0415 - keeps `--help` cheap

    from toolkit.cli.provision_session import ProvisionSession  # noqa: PLC0415
    from toolkit.ops.provision.observed import look  # noqa: PLC0415
    from toolkit.ops.provision.render import state_json, state_text  # noqa: PLC0415
    from toolkit.ops.provision.state import states  # noqa: PLC0415

    session = ProvisionSession.open(given)
    wanted = session.wanted
    observed = session.run(lambda client: look(client, wanted.models))
    found = states(wanted.models, observed, wanted.plan(observed), time.time_ns())
    session.show(state_text(found, session.place), state_json(found, session.place))


@provision.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@host_options
def prune(*, yes: bool, **given: Any) -> None:
    """Remove the models that the config does not name. Asks first.

    Never removes a model that the config names, in a role, in a rule, in host.models, or as the base of another one.
    """
    from toolkit.cli.provision_prune import run_prune  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.cli.provision_session import ProvisionSession  # noqa: PLC0415

    if not run_prune(ProvisionSession.open(given), yes=yes):
        click.get_current_context().exit(EXIT_FAILED)


@provision.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@_GPUS
@host_options
def pin(models: tuple[str, ...], gpus: str | None, **given: Any) -> None:
    """Load models and keep them for ever, and say what that does to the others.

    Without MODEL: those that the config pins (`pin: true`). The server's memory is worked out as `hotswap fit` does.
    """
    from toolkit.cli.provision_pins import run_pin  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.cli.provision_session import ProvisionSession  # noqa: PLC0415

    run_pin(ProvisionSession.open(given), models, gpus)


@provision.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@host_options
def warm(models: tuple[str, ...], **given: Any) -> None:
    """Load models with the keep_alive that the config's requests carry."""
    from toolkit.cli.provision_memory import run_warm  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.cli.provision_session import ProvisionSession  # noqa: PLC0415

    run_warm(ProvisionSession.open(given), models)


@provision.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@host_options
def unload(models: tuple[str, ...], **given: Any) -> None:
    """Ask models to leave memory: at once if idle, after their requests if busy."""
    from toolkit.cli.provision_memory import run_unload  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.cli.provision_session import ProvisionSession  # noqa: PLC0415

    run_unload(ProvisionSession.open(given), models)

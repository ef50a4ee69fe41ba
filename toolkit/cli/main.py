"""The `hotswap` command: the table of commands, the global options, the one place where errors become exit codes."""

from __future__ import annotations

import gc
import os
import signal
import sys

import click

from toolkit.cli.lazy import LazyCommand, LazyGroup, set_option
from toolkit.errors import HotswapError

EXIT_INTERRUPTED = 130
YOUNG_OBJECTS = 200_000
"""The collector looks after so many new objects, not after 700: imports make 200,000 that all stay, and looking through
them again and again was a fifth of the time to the first request."""

NO_PLUGINS = ("PYDANTIC_DISABLE_PLUGINS", "__all__")
"""Pydantic looks for plugins by reading the metadata of every installed package, 10 ms or more, and finds none."""

COMMANDS = (
    LazyCommand("compare", "toolkit.cli.compare:compare", "Compare cache strategies on a scenario or a trace."),
    LazyCommand("replay", "toolkit.cli.replay:replay", "Play a scenario or a trace under one strategy."),
    LazyCommand("plan", "toolkit.cli.plan:plan", "Say how much load a host can take, and what would change that."),
    LazyCommand(
        "lab",
        "toolkit.cli.lab:lab",
        "Compare eviction policies on a stream of requests: the cache alone, no clock, no server.",
    ),
    LazyCommand(
        "record",
        "toolkit.cli.record:record",
        "Stand between clients and a host, change nothing, and write down what was asked as a trace.",
    ),
    LazyCommand("runs", "toolkit.cli.runs:runs", "List, show, report, tag, export, import and remove stored runs."),
    LazyCommand(
        "tune", "toolkit.cli.tune:tune", "Find the parameters that suit some traffic, judged on other traffic."
    ),
    LazyCommand("route", "toolkit.cli.route:route", "Say which model a prompt goes to, and why."),
    LazyCommand("chat", "toolkit.cli.chat:chat", "Talk to the models through the router, in the terminal."),
    LazyCommand(
        "serve",
        "toolkit.cli.serve:serve",
        "One chat endpoint over all the models: routed, queued, counted, recorded.",
    ),
    LazyCommand(
        "telegram", "toolkit.cli.telegram:telegram", "Chat with the models in Telegram, through a running gateway."
    ),
    LazyCommand(
        "sessions",
        "toolkit.cli.sessions:sessions",
        "List, show, search, export and remove the gateway's conversations.",
    ),
    LazyCommand("context", "toolkit.cli.context:context", "Show what a model would be given to read, and why."),
    LazyCommand("config", "toolkit.cli.config:config", "Check a config file, or show what is in force."),
    LazyCommand(
        "fit",
        "toolkit.cli.fit:fit",
        "Say what models really take, what Ollama thinks they take, and which can stay loaded together.",
    ),
    LazyCommand(
        "swap",
        "toolkit.cli.swap:swap",
        "Measure every change of model on a host, and say what holds it back.",
    ),
    LazyCommand(
        "doctor",
        "toolkit.cli.doctor:doctor",
        "Say what is wrong with a host, why it matters, and the command that mends it.",
    ),
    LazyCommand(
        "provision",
        "toolkit.cli.provision:provision",
        "Make a host have the models that the config names: plan, apply, status, prune, pin, settings.",
    ),
    LazyCommand("gate", "toolkit.cli.gate:gate", "Say whether a measurement is worse than another one."),
    LazyCommand(
        "vram",
        "toolkit.cli.vram:vram",
        "Observe what models take on a host at rising contexts, against what `hotswap fit` says.",
    ),
    LazyCommand(
        "calibrate",
        "toolkit.cli.calibrate:calibrate",
        "Fit the twin's timing model to measurements, and write it as a config with a `twin` section.",
    ),
    LazyCommand(
        "validate",
        "toolkit.cli.validate:validate",
        "Play recorded traffic on the twin of a config, and say how far the two are apart.",
    ),
    LazyCommand("twin", "toolkit.cli.twin:twin", "The simulated Ollama host: trace, check, explain, serve."),
)


@click.group(
    cls=LazyGroup,
    commands_table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--config", metavar="FILE", help="Configuration file (or HOTSWAP_CONFIG); none: the embedded twin.")
@click.option("--host", metavar="URL", help="A real host, or `config` for the config's own base_url; none: the twin.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output on stdout.")
@click.option("--quiet", is_flag=True, help="No progress and no notes on stderr.")
@click.option("--seed", type=int, help="Seed of everything that is drawn at random.")
@click.option("--no-color", is_flag=True, help="No colours in tables.")
@click.version_option(package_name="hotswap-toolkit", prog_name="hotswap")
def cli(**_given: object) -> None:
    """Measure and plan hosts that serve several models with Ollama.

    The options below stand before any command, as in an alias, and behind each that has a use for them.
    """


cli.params.insert(1, set_option())


def main() -> None:
    """Run the command line and end the process.

    Exit codes: 0 done, 1 failed, 2 usage or config, 3 inconclusive, 130 interrupted (by Ctrl-C or SIGTERM).
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    gc.set_threshold(YOUNG_OBJECTS)
    os.environ.setdefault(*NO_PLUGINS)
    try:
        code = cli.main(prog_name="hotswap", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except HotswapError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        _forget_stdout()  # the reader of a pipe has gone (`| head`): nothing is wrong
        sys.exit(0)
    except OSError as error:
        _forget_stdout()
        click.echo(f"{error.filename or 'the output'}: {error.strerror or error}", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _forget_stdout() -> None:
    """Stdout takes nothing any more, and Python must not complain of that once again when it closes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

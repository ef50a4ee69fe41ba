"""Options that several commands share, and what they are turned into."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli.lazy import SET_KEY
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.config.loading import LoadedConfig
    from toolkit.experiment.order import Order
    from toolkit.store import RunStore

F = TypeVar("F", bound="Callable[..., Any]")
_HOURS_OF_A_DAY = 24


class SpanParam(click.ParamType[int]):
    """A time back: a duration such as `90m`, or days, `7d`; in nanoseconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it, or end with what is wrong."""
        from toolkit.config.durations import DurationError, parse_duration_ns  # noqa: PLC0415 - keeps `--help` cheap

        days = value.removesuffix("d")
        text = f"{int(days) * _HOURS_OF_A_DAY}h" if days != value and days.isdecimal() else value
        try:
            span_ns = parse_duration_ns(text)
        except DurationError as error:
            self.fail(f"{error}, or in days, as in 7d", param, ctx)
        if span_ns <= 0:
            self.fail(f"{value!r} leaves nothing; give a time above 0, as in 7d", param, ctx)
        return span_ns


_WORKLOAD = (
    click.argument("scenario", required=False, type=click.Path(path_type=Path)),
    click.option("--trace", type=click.Path(path_type=Path), metavar="FILE", help="Play a recorded trace instead."),
    click.option("--format", "trace_format", metavar="NAME", help="Its format; guessed where it is not given."),
    click.option("--seed", type=int, help="Seed of the plan and of the twin; the scenario's own by default."),
    click.option("--repeat", type=click.IntRange(1, 1000), default=1, show_default=True, help="Repetitions."),
    click.option("--num-ctx", type=click.IntRange(4), help="Context that every request asks for."),
    click.option("--slots", type=click.IntRange(1), help="Trace only: its own models on N equal places."),
    click.option("--mix", metavar="SHARES", help="Trace only: primary=0.5,code=0.3,fast=0.2 deals out the models."),
    click.option("--speed", type=float, default=1.0, help="Play it so many times as fast."),
    click.option("--service-scale", type=float, default=1.0, help="Trace only: factor on its service times."),
    click.option("--limit", type=click.IntRange(1), help="Only the first N requests."),
    click.option(
        "--since",
        "last_ns",
        type=SpanParam(),
        metavar="TIME",
        help="Trace only: its end, counted back from its last request, as in 12h or 7d.",
    ),
)
_CONFIG = click.option(
    "--config", metavar="FILE", help="Configuration file (or HOTSWAP_CONFIG); none: the embedded twin."
)
_HOST = click.option("--host", metavar="URL", help="A real host, or `config` for the config's own; none: the twin.")
_ASKED_HOST = click.option("--host", metavar="URL", help="The host; none, or `config`: the config's own base_url.")
_SHOWING = (
    click.option("--json", "as_json", is_flag=True, help="JSON on stdout, nothing else there."),
    click.option("--quiet", is_flag=True, help="No progress and no notes on stderr."),
    click.option("--no-color", is_flag=True, help="No colours."),
)
_STORE = click.option(
    "--store",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The run store (or HOTSWAP_STORE); reports/runs.db by default.",
)
_NO_STORE = click.option("--no-store", is_flag=True, help="Do not store the runs.")


def store_option(command: F) -> F:
    """Add `--store FILE`; the command takes `store` and calls `open_given_store`."""
    return _STORE(command)


def keeping_options(command: F) -> F:
    """Add the options of commands that store runs: `store` and `no_store`."""
    return _decorate(command, (_STORE, _NO_STORE))


def open_given_store(store: Path | None) -> RunStore:
    """Open the store that the option, HOTSWAP_STORE or the default names. Raises StoreError."""
    from toolkit.store import open_store  # noqa: PLC0415 - keeps `--help` cheap

    return open_store(store)


def workload_options(command: F) -> F:
    """Add the options that say what to play; the command takes them as keyword arguments and calls `order_from`."""
    return _decorate(command, _WORKLOAD)


def global_options(command: F) -> F:
    """Add the options that also stand before the command."""
    return _decorate(command, (_CONFIG, _HOST, *_SHOWING))


def global_options_without_host(command: F) -> F:
    """The same for commands that never ask a host."""
    return _decorate(command, (_CONFIG, *_SHOWING))


def global_options_of_host(command: F) -> F:
    """The same for commands that always ask a host: without `--host` it is the config's own, never the twin."""
    return _decorate(command, (_CONFIG, _ASKED_HOST, *_SHOWING))


def _decorate(command: F, decorators: tuple[Callable[[F], F], ...]) -> F:
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


def order_from(given: dict[str, Any]) -> Order:
    """The workload out of a command's keyword arguments; takes its own keys out of `given`."""
    from toolkit.experiment.order import Order  # noqa: PLC0415 - keeps `--help` cheap

    return Order(**{name: given.pop(name) for name in Order.__dataclass_fields__})


def load_given_config(config: str | None, *, quiet: bool) -> LoadedConfig:
    """Load the config that the option or HOTSWAP_CONFIG names, under every `--set`; warnings and notes go to stderr.

    For commands that ask a host: what its twin lacks is not said.
    """
    loaded = _load_given(config)
    _say(() if quiet else (*loaded.host_warnings, *loaded.notes))
    return loaded


def load_given_twin(config: str | None, *, quiet: bool) -> LoadedConfig:
    """The same for commands that simulate the host."""
    loaded = _load_given(config)
    _say(() if quiet else (*loaded.warnings, *loaded.notes))
    return loaded


def _load_given(config: str | None) -> LoadedConfig:
    from toolkit.config.loading import config_path  # noqa: PLC0415 - keeps `--help` cheap

    return load_with_overrides(config_path(config, os.environ))


def _say(sentences: tuple[str, ...]) -> None:
    for sentence in sentences:
        click.echo(sentence, err=True)


def check_overrides(config: str | None) -> None:
    """For commands that need no config: a `--set` that no config takes is an error all the same. Raises UsageError."""
    from toolkit.config.loading import config_path  # noqa: PLC0415 - keeps `--help` cheap

    if click.get_current_context().meta.get(SET_KEY):
        load_with_overrides(config_path(config, os.environ))


def given_overrides() -> tuple[str, ...]:
    """Every `--set` of this call, as written."""
    context = click.get_current_context(silent=True)
    return () if context is None else tuple(context.meta.get(SET_KEY, ()))


def describes_host(loaded: LoadedConfig) -> bool:
    """Whether the config says what the host's GPUs are: then the memory rule is known for a real host, too."""
    given = ("file", "option")
    return any(origin.kind in given and path.startswith("twin.gpus") for path, origin in loaded.origins.items())


def note_assumed_gpus(loaded: LoadedConfig, *, quiet: bool) -> None:
    """Say on stderr whose GPUs are reckoned with, where neither an option nor the config has said what there is."""
    if quiet or describes_host(loaded):
        return
    names = ", ".join(gpu.name for gpu in loaded.config.twin.gpus)
    click.echo(f"no GPUs are described, so the embedded twin's are assumed ({names}): --gpu names others", err=True)


def load_with_overrides(path: Path | None) -> LoadedConfig:
    """Load a config under every `--set` of this call, and say nothing. Raises UsageError."""
    from toolkit.config.loading import load_config  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.config.overrides import parse_override  # noqa: PLC0415 - as above

    try:
        overrides = [parse_override(one) for one in given_overrides()]
    except ValueError as error:
        raise UsageError(str(error)) from None
    return load_config(path, overrides=overrides)

"""What the commands of `hotswap provision` share: config, host, client, and asking a person."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

from toolkit.cli.options import load_given_config, note_assumed_gpus
from toolkit.errors import UsageError
from toolkit.experiment.host import FROM_CONFIG, asked_host
from toolkit.ollama.from_config import client_from_config
from toolkit.ops.provision.apply import Wanted
from toolkit.ops.provision.desired import desired_models, model_key
from toolkit.ops.provision.sizes import known_sizes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from toolkit.config.loading import LoadedConfig
    from toolkit.config.models import Config
    from toolkit.fit.room import Room
    from toolkit.ollama.address import Address
    from toolkit.ollama.client import OllamaClient

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProvisionSession:
    """One call of a command."""

    loaded: LoadedConfig
    address: Address
    as_json: bool
    quiet: bool

    @classmethod
    def open(cls, given: dict[str, Any]) -> Self:
        """Read the config that says what the host should have.

        Without --host it is the config's own. Raises UsageError without a config: the embedded models are an example,
        and nobody's host should be changed to look like it.
        """
        loaded = load_given_config(given["config"], quiet=given["quiet"])
        if loaded.path is None:
            raise UsageError("no config says what the host should have: name one with --config, or in HOTSWAP_CONFIG")
        address = asked_host(given["host"] or FROM_CONFIG, loaded.config)
        if address is None:
            raise UsageError("no host is named: give it with --host")
        return cls(loaded, address, given["as_json"], given["quiet"])

    @property
    def config(self) -> Config:
        """What the host should have."""
        return self.loaded.config

    @property
    def place(self) -> str:
        """How the host is called in the output."""
        return self.address.url

    @property
    def wanted(self) -> Wanted:
        """What the config says."""
        models = desired_models(self.config)
        return Wanted(models, known_sizes(self.config, models), self.config.host.disk)

    @property
    def stall_ns(self) -> int | None:
        """The longest pause without progress: the config's `host.timeouts.idle`."""
        return self.config.host.timeouts.idle_ns

    def room(self, gpus: str | None) -> Room:
        """The GPUs of the host: as named, else those of the config's twin section."""
        from toolkit.cli.fit_models import config_gpus  # noqa: PLC0415 - only where memory is worked out
        from toolkit.fit.gpus import gpus_of  # noqa: PLC0415 - as above
        from toolkit.fit.room import Room  # noqa: PLC0415 - as above

        if gpus:
            return Room(gpus_of(gpus))
        room = Room(config_gpus(self.config))
        note_assumed_gpus(self.loaded, quiet=self.quiet)
        return room

    def settings(self) -> dict[str, str]:
        """The server's variables, as far as the config knows them."""
        return {**self.config.twin.env, **self.config.host.settings}

    def named(self, models: tuple[str, ...]) -> tuple[str, ...]:
        """The models of a command's arguments. Raises UsageError for one that the config does not name."""
        known = {model.key: model.name for model in self.wanted.models}
        for name in models:
            if model_key(name) not in known:
                raise UsageError(f"{name} is not one of the config's models: {', '.join(known.values())}")
        return models

    def options(self, name: str) -> dict[str, Any] | None:
        """The options of a model's requests: loaded with others, its first request would load it again."""
        entries = self.config.llm.models.values()
        found = next((dict(entry.options) for entry in entries if model_key(entry.name) == model_key(name)), {})
        return found or None

    def run(self, work: Callable[[OllamaClient], Awaitable[T]]) -> T:
        """Do something with a client, on a loop of its own."""
        return asyncio.run(self._with_client(work))

    async def _with_client(self, work: Callable[[OllamaClient], Awaitable[T]]) -> T:
        client = client_from_config(self.config.host, os.environ, self.address)
        # Pulls watch their own progress: silence on the wire is normal while the server verifies a large file.
        client.timeouts = replace(client.timeouts, idle_ns=None)
        async with client:
            return await work(client)

    def show(self, text: str, value: object) -> None:
        """The result: text for people, one JSON document for machines."""
        click.echo(json.dumps(value, indent=2) if self.as_json else text)

    def agreed(self, question: str, *, yes: bool) -> bool:
        """Ask a person, unless told yes beforehand. Raises UsageError where nobody can answer."""
        if yes:
            return True
        if not sys.stdin.isatty():
            raise UsageError("nobody is here to be asked: say --yes if that is what you want")
        return click.confirm(question, default=False, err=True)

"""What is allowed in a config and yet probably not meant, and what a reader should know about it.

Findings point at key paths; the loader gives them their lines.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from toolkit.config.explain import nearest
from toolkit.config.llm import CODE, FAST
from toolkit.config.runner_options import KNOWN_OPTIONS
from toolkit.config.scalars import canonical_model_name
from toolkit.config.secrets import secret_variables
from toolkit.config.server_settings import settings_warnings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolkit.config.models import Config
    from toolkit.config.yaml_tree import KeyPath


class Finding(NamedTuple):
    """A sentence about a value of the config; `only_simulating` where it matters to nobody who asks a real host."""

    path: KeyPath
    text: str
    only_simulating: bool = False


def find_warnings(config: Config, environment: Mapping[str, str]) -> tuple[Finding, ...]:
    """Everything that will load and may surprise. `environment` tells whether the variables of secrets are set."""
    return (
        *_roles(config),
        *_rules(config),
        *_options(config),
        *_address(config),
        *_secrets(config, environment),
        *_settings(config),
        *_twin(config),
    )


def find_notes(config: Config) -> tuple[Finding, ...]:
    """What the toolkit makes of values that could be read in two ways."""
    llm = config.llm
    if llm.native_base_url == llm.base_url.rstrip("/"):
        return ()
    tail = llm.base_url.rstrip("/").removeprefix(llm.native_base_url)
    reason = "/v1 drops keep_alive and num_ctx silently" if tail == "/v1" else "paths begin with /api by themselves"
    text = f"{tail} at the end is understood: the native API at {llm.native_base_url} is used, because {reason}"
    return (Finding(("llm", "base_url"), text),)


def _roles(config: Config) -> Iterator[Finding]:
    roles = config.llm.roles
    for role in (CODE, FAST):
        if role not in roles:
            yield Finding(("llm", "models"), f"no model has the role '{role}'; what would go there goes to 'primary'")


def _rules(config: Config) -> Iterator[Finding]:
    rules = config.llm.routing.rules
    if not rules:
        return
    from toolkit.routing.rust_differences import pattern_warnings  # noqa: PLC0415 - only where there are rules

    names = {canonical_model_name(entry.name): entry.name for entry in config.llm.models.values()}
    for index, rule in enumerate(rules):
        path = ("llm", "routing", "rules", index)
        for warning in pattern_warnings(rule.pattern):
            yield Finding((*path, "pattern"), warning)
        if canonical_model_name(rule.model) not in names:
            close = nearest(rule.model, names.values())
            hint = f"; did you mean '{close}'?" if close else ""
            yield Finding((*path, "model"), f"'{rule.model}' is not one of llm.models{hint}")


def _options(config: Config) -> Iterator[Finding]:
    places: list[tuple[KeyPath, Mapping[str, object]]] = [
        (("llm", "models", key, "options"), entry.options) for key, entry in config.llm.models.items()
    ]
    places += [(("twin", "models", index, "options"), model.options) for index, model in enumerate(config.twin.models)]
    for path, options in places:
        for name in options:
            if name not in KNOWN_OPTIONS:
                close = nearest(name, KNOWN_OPTIONS)
                hint = f"; did you mean '{close}'?" if close else ""
                yield Finding((*path, name), f"the server ignores options that it does not know{hint}")


def _address(config: Config) -> Iterator[Finding]:
    parts = urlsplit(config.llm.native_base_url)
    if parts.scheme == "http" and parts.port is None:
        yield Finding(("llm", "base_url"), "no port is given, so it is 80; Ollama listens on 11434 by default")
    if parts.path:
        yield Finding(("llm", "base_url"), f"requests go below the path {parts.path}; right only behind a proxy")


def _secrets(config: Config, environment: Mapping[str, str]) -> Iterator[Finding]:
    named = secret_variables(config.host)
    for header, variable in named.items():
        by_bearer = config.host.bearer_env == variable and header == "Authorization"
        path: KeyPath = ("host", "bearer_env") if by_bearer else ("host", "headers_env", header)
        if not environment.get(variable, "").strip():
            yield Finding(path, f"${variable} is not set here; commands that talk to the host will need it")
    parts = urlsplit(config.llm.native_base_url)
    if named and parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
        yield Finding(("llm", "base_url"), f"{', '.join(named)} would travel unencrypted; use https or a tunnel")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _settings(config: Config) -> Iterator[Finding]:
    for path, settings in ((("host", "settings"), config.host.settings), (("twin", "env"), config.twin.env)):
        for name, text in settings_warnings(settings):
            yield Finding((*path, name), text)


def _twin(config: Config) -> Iterator[Finding]:
    for key, entry in config.llm.models.items():
        if config.twin.model(entry.name) is None:
            yield Finding(
                ("llm", "models", key),
                f"the twin does not have '{entry.name}'; add it to twin.models to simulate it",
                only_simulating=True,
            )
    libraries = {gpu.library for gpu in config.twin.gpus}
    if len(libraries) > 1:
        yield Finding(("twin", "gpus"), f"GPUs of {' and '.join(sorted(libraries))}: a model is never spread over both")

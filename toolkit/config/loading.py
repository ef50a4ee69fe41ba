"""From a config file to a checked config that knows where each of its values came from.

Which file: `--config`, else `HOTSWAP_CONFIG`, else none, and then the embedded twin: a host is never picked up from
the directory one happens to stand in. Values of the command line (`--set`) are laid over it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from toolkit.config.checks import Finding, find_notes, find_warnings
from toolkit.config.models import Config
from toolkit.config.overrides import DEFAULT_LINE, OVERRIDE_LINES
from toolkit.config.positions import Positioned, format_key_path, load_yaml_model, read_yaml_model
from toolkit.config.secrets import secret_variables
from toolkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from toolkit.config.overrides import Override
    from toolkit.config.yaml_tree import KeyPath

CONFIG_VARIABLE = "HOTSWAP_CONFIG"
EMBEDDED = "the embedded default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: `file` (with `line`), `default`, the `environment` (with `variable`) or `--set`."""

    kind: Literal["file", "default", "environment", "option"]
    file: str | None = None
    line: int | None = None
    variable: str | None = None

    def __str__(self) -> str:
        if self.kind == "file":
            return f"{self.file}:{self.line}"
        if self.kind == "option":
            return "--set"
        return f"${self.variable}" if self.kind == "environment" else "default"


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A config and what there is to say about it.

    `path` is None for the embedded default. `warnings` and `notes` are sentences that begin with `FILE:LINE:` where
    the file has the value; `host_warnings` are those warnings that matter also where nothing is simulated. `origins`
    has every value in force by its dotted key path, and the headers whose values are taken from the environment under
    `host.headers.NAME`. `sha256` is that of the file's bytes, None without a file. A value that was set on the command
    line counts like one of the file; sentences about it begin with `--set PATH:`.
    """

    config: Config
    path: Path | None
    warnings: tuple[str, ...]
    host_warnings: tuple[str, ...]
    notes: tuple[str, ...]
    sha256: str | None
    origins: Mapping[str, Origin] = field(repr=False)


def config_path(given: str | None, environment: Mapping[str, str]) -> Path | None:
    """The file to load: the option's value, else `HOTSWAP_CONFIG`, else None. An empty variable counts as unset."""
    named = given if given is not None else environment.get(CONFIG_VARIABLE) or None
    return None if named is None else Path(named)


def load_config(
    path: Path | None, environment: Mapping[str, str] | None = None, overrides: Sequence[Override] = ()
) -> LoadedConfig:
    """Load a config file, or the embedded default where there is none, with the overrides laid over it.

    `environment` (the process's own by default) is only asked whether the variables that the config names are set.

    Raises:
        ConfigError: with one `FILE:LINE: …` sentence for each mistake, in file order, then those of the overrides.
    """
    known = os.environ if environment is None else environment
    read: Positioned[Config] | None = None
    if path is not None:
        read = load_yaml_model(path, Config, error=ConfigError, overrides=overrides)
    elif overrides:
        read = read_yaml_model(b"", EMBEDDED, Config, error=ConfigError, overrides=overrides)
    config = Config() if read is None else read.value
    warnings = find_warnings(config, known)
    return LoadedConfig(
        config=config,
        path=path,
        warnings=_sentences(read, warnings),
        host_warnings=_sentences(read, [one for one in warnings if not one.only_simulating]),
        notes=_sentences(read, find_notes(config)),
        sha256=None if read is None or path is None else read.sha256,
        origins=MappingProxyType(_origins(config, read)),
    )


def written(config: Config) -> dict[str, Any]:
    """The config as it could stand in a file: units written out, absent values left out. Loads to an equal config."""
    return {key: _without_none(section) for key, section in config.model_dump(mode="json", by_alias=True).items()}


def leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every single value (or empty list or mapping) of plain data with its path, in order."""
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from leaves(below, (*path, key))
    elif isinstance(value, list) and value:
        for index, below in enumerate(value):
            yield from leaves(below, (*path, index))
    else:
        yield path, value


def _origins(config: Config, read: Positioned[Config] | None) -> dict[str, Origin]:
    origins = {}
    for path, _ in leaves(written(config)):
        origins[format_key_path(path)] = Origin("default") if read is None else _origin(read, read.line_of(path))
    for header, variable in secret_variables(config.host).items():
        origins[format_key_path(("host", "headers", header))] = Origin("environment", variable=variable)
    return origins


def _origin(read: Positioned[Config], line: int | None) -> Origin:
    if line is None or line == DEFAULT_LINE:
        return Origin("default")
    return Origin("option") if line >= OVERRIDE_LINES else Origin("file", read.file, line)


def _sentences(read: Positioned[Config] | None, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Findings with their place, in file order."""
    if read is None:
        return tuple(f"{format_key_path(found.path)}: {found.text}" for found in findings)
    placed = sorted(findings, key=lambda finding: (read.line_near(finding.path), finding.text))
    return tuple(f"{read.at(found.path)} {format_key_path(found.path)}: {found.text}" for found in placed)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(below) for key, below in value.items() if below is not None}
    if isinstance(value, list):
        return [_without_none(below) for below in value]
    return value

"""From a config file to a checked config that knows where each of its values came from.

Which file: `--config`, else `HOTSWAP_CONFIG`, else none, and then the embedded twin: a host is never picked up from
the directory one happens to stand in.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from toolkit.config.checks import Finding, find_notes, find_warnings
from toolkit.config.models import Config
from toolkit.config.positions import Positioned, format_key_path, load_yaml_model
from toolkit.config.secrets import secret_variables
from toolkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from toolkit.config.yaml_tree import KeyPath

CONFIG_VARIABLE = "HOTSWAP_CONFIG"
EMBEDDED = "the embedded default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: `file` (with `line`), `default`, or the `environment` (with `variable`)."""

    kind: Literal["file", "default", "environment"]
    file: str | None = None
    line: int | None = None
    variable: str | None = None

    def __str__(self) -> str:
        if self.kind == "file":
            return f"{self.file}:{self.line}"
        return f"${self.variable}" if self.kind == "environment" else "default"


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A config and what there is to say about it.

    `path` is None for the embedded default. `warnings` and `notes` are sentences that begin with `FILE:LINE:` where
    the file has the value. `origins` has every value in force by its dotted key path, and the headers whose values are
    taken from the environment under `host.headers.NAME`. `sha256` is that of the file's bytes, None without a file.
    """

    config: Config
    path: Path | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    sha256: str | None
    origins: Mapping[str, Origin] = field(repr=False)


def config_path(given: str | None, environment: Mapping[str, str]) -> Path | None:
    """The file to load: the option's value, else `HOTSWAP_CONFIG`, else None. An empty variable counts as unset."""
    named = given if given is not None else environment.get(CONFIG_VARIABLE) or None
    return None if named is None else Path(named)


def load_config(path: Path | None, environment: Mapping[str, str] | None = None) -> LoadedConfig:
    """Load a config file, or the embedded default where there is none.

    `environment` (the process's own by default) is only asked whether the variables that the config names are set.

    Raises:
        ConfigError: with one `FILE:LINE: …` sentence for each mistake, in file order.
    """
    known = os.environ if environment is None else environment
    read = None if path is None else load_yaml_model(path, Config, error=ConfigError)
    config = Config() if read is None else read.value
    return LoadedConfig(
        config=config,
        path=path,
        warnings=_sentences(read, find_warnings(config, known)),
        notes=_sentences(read, find_notes(config)),
        sha256=None if read is None else read.sha256,
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
        line = None if read is None else read.line_of(path)
        given = read is not None and line is not None
        origins[format_key_path(path)] = Origin("file", read.file, line) if read and given else Origin("default")
    for header, variable in secret_variables(config.host).items():
        origins[format_key_path(("host", "headers", header))] = Origin("environment", variable=variable)
    return origins


def _sentences(read: Positioned[Config] | None, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Findings with their place, in file order."""
    if read is None:
        return tuple(f"{format_key_path(path)}: {text}" for path, text in findings)
    placed = sorted(findings, key=lambda finding: (read.line_near(finding.path), finding.text))
    return tuple(f"{read.at(path)} {format_key_path(path)}: {text}" for path, text in placed)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(below) for key, below in value.items() if below is not None}
    if isinstance(value, list):
        return [_without_none(below) for below in value]
    return value

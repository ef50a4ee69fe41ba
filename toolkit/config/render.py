"""The config in force, written out: as YAML with the origin of each value beside it, or as plain data.

The YAML can be saved and loaded again. Secrets are not part of a config; what is shown of them is the name of their
environment variable and whether it is set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from toolkit.config.loading import EMBEDDED, leaves, written
from toolkit.config.positions import format_key_path
from toolkit.config.secrets import secret_variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolkit.config.loading import LoadedConfig
    from toolkit.config.yaml_tree import KeyPath

MASK = "***"
_WIDEST_VALUE = 60


def render_yaml(loaded: LoadedConfig, environment: Mapping[str, str]) -> str:
    """The whole config as YAML with a comment `# FILE:LINE`, `# default` or `# $VARIABLE` on each line with a value."""
    rows = list(_rows(written(loaded.config), (), ""))
    width = min(max(len(text) for text, path in rows if path is not None), _WIDEST_VALUE)
    lines = [f"# {EMBEDDED if loaded.path is None else loaded.path}"]
    lines += [f"# note: {note}" for note in loaded.notes]
    lines += [f"# warning: {warning}" for warning in loaded.warnings]
    lines += [f"# {header}: {MASK} (${variable}, {state})" for header, variable, state in _secrets(loaded, environment)]
    for text, path in rows:
        lines.append(text if path is None else f"{text:<{width}}  # {loaded.origins[format_key_path(path)]}")
    return "\n".join(lines) + "\n"


def summary(loaded: LoadedConfig) -> str:
    """One line that says that a config is right, and what it is about."""
    llm = loaded.config.llm
    rules = len(llm.routing.rules)
    cache = f"cache {llm.cache.type}, at most {llm.cache.max_models} loaded"
    models = f"{len(llm.models)} model{'s' * (len(llm.models) != 1)}"
    return f"{loaded.path or EMBEDDED}: ok ({models}, {rules} routing rule{'s' * (rules != 1)}, {cache})"


def render_data(loaded: LoadedConfig, environment: Mapping[str, str]) -> dict[str, Any]:
    """The same for machines: `config`, `origins` by key path, `secrets`, `warnings`, `notes`, `path`."""
    return {
        "path": None if loaded.path is None else str(loaded.path),
        "sha256": loaded.sha256,
        "config": written(loaded.config),
        "origins": {path: str(origin) for path, origin in loaded.origins.items()},
        "secrets": {
            header: {"variable": variable, "state": state, "value": MASK}
            for header, variable, state in _secrets(loaded, environment)
        },
        "warnings": list(loaded.warnings),
        "notes": list(loaded.notes),
    }


def _secrets(loaded: LoadedConfig, environment: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for header, variable in secret_variables(loaded.config.host).items():
        yield header, variable, "set" if environment.get(variable, "").strip() else "not set"


def _rows(value: Any, path: KeyPath, indent: str) -> Iterator[tuple[str, KeyPath | None]]:
    """Lines of block YAML; with each its value's path, None for lines that only open a mapping or a list."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for step, below in items:
        here = (*path, step)
        head = "-" if isinstance(step, int) else f"{_scalar(step)}:"
        if next(leaves(below))[0] == ():  # a single value, or nothing at all
            yield f"{indent}{head} {_scalar(below)}", here
        elif head == "-":
            rows = list(_rows(below, here, f"{indent}  "))
            first, first_path = rows[0]
            yield f"{indent}- {first.lstrip()}", first_path
            yield from rows[1:]
        else:
            yield f"{indent}{head}", None
            yield from _rows(below, here, f"{indent}  ")


def _scalar(value: Any) -> str:
    """One value on one line; text in quotes where it could be read as something else."""
    plain = isinstance(value, str) and yaml.safe_load(yaml.safe_dump(value)) == value and _is_safe(value)
    if plain:
        return str(value)
    style = '"' if isinstance(value, str) else None
    text = yaml.safe_dump(value, default_style=style, default_flow_style=True, allow_unicode=True, width=10**9)
    return text.removesuffix("\n").removesuffix("\n...")


def _is_safe(text: str) -> bool:
    """Letters, digits and a few signs, and not a number or one of YAML's words."""
    if not text or not all(char.isalnum() or char in "_-./: " for char in text) or not text.isascii():
        return False
    if text != text.strip() or ": " in text or text.endswith(":") or text[0] in "-:.":
        return False
    return isinstance(yaml.safe_load(text), str)

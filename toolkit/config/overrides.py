"""Values from the command line, laid over those of a config: `--set twin.gpus[0].memory=16GiB`.

An override is put into the tree of the file before it is checked, so that it obeys the rules of the file and its
mistakes are explained like the file's. It stands on a line of its own behind the end of any file
(`OVERRIDE_LINES` + its number), by which a message or an origin tells it from what the file says.

Where a path leads into something that the file does not have and that is no section of its own (a list, the models by
role), what is in force there by default is taken first: to set one GPU's memory must not take its name away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.config.explain import format_key_path
from toolkit.config.schema import allowed_keys, locate
from toolkit.config.yaml_source import Problem, SourceError, decode_source
from toolkit.config.yaml_tree import Entry, Mapping, Scalar, Sequence, parse_tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel

    from toolkit.config.yaml_tree import KeyPath, Node, Plain

OVERRIDE_LINES = 1 << 40
"""The line of the first override; no file is that long."""
DEFAULT_LINE = 0
"""The line of a default that had to be written out around an override."""
EXAMPLE = "--set llm.cache.type=ssd"

_STEP = re.compile(
    r"""(?: \[ \s* (?: (?P<index>[0-9]{1,6}) | '(?P<single>[^']*)' | "(?P<double>[^"]*)" ) \s* \]
          | (?:^|(?<=.)\.) (?P<plain>[^\s.\[\]='"]+) )""",
    re.VERBOSE,
)
_SHORT_FOR = "name"
"""Where a mapping may be written as one word, the word is its name (`primary: qwen2.5:32b`)."""


@dataclass(frozen=True, slots=True)
class Override:
    """One `--set`: the steps of its path as typed, and the YAML text of its value."""

    steps: tuple[str | int, ...]
    text: str

    @property
    def option(self) -> str:
        """The option by its path, for messages and origins; a value may be long or not meant to be seen."""
        return f"--set {format_key_path(self.steps)}"


class OverrideError(Exception):
    """An override that cannot be laid over the config; `problem` says why. Never leaves this package."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


def parse_override(given: str) -> Override:
    """Take `key.path=value` apart; list places as `gpus[0]` or `gpus.0`, keys with dots as `headers['X.Y']`.

    Raises:
        ValueError: not of this form; the message says what to write.
    """
    steps: list[str | int] = []
    position = 0
    while (found := _STEP.match(given, position)) is not None:
        index = found["index"]
        key = next((found[kind] for kind in ("plain", "single", "double") if found[kind] is not None), "")
        steps.append(key if index is None else int(index))
        position = found.end()
    if not steps or isinstance(steps[0], int) or given[position : position + 1] != "=":
        shown = given if len(given) <= len(EXAMPLE) * 2 else f"{given[: len(EXAMPLE) * 2]}…"
        raise ValueError(f"--set {shown!r}: write KEY.PATH=VALUE, for example {EXAMPLE}")
    return Override(tuple(steps), given[position + 1 :])


def apply_overrides(
    root: Node, overrides: Iterable[Override], model: type[BaseModel], in_force: Plain
) -> tuple[Node, tuple[Problem, ...]]:
    """Lay the overrides over the tree one after the other; the last one that names a value decides.

    `model` is that of the whole file, `in_force` the plain values that hold without the overrides. Overrides that
    cannot be laid over it are left out, with a problem each.
    """
    problems: list[Problem] = []
    for number, override in enumerate(overrides):
        line = OVERRIDE_LINES + number
        try:
            value = _value(override.text, line)
            root = _Placing(line, value, model).put(root, override.steps, (), in_force)
        except OverrideError as error:
            problems.append(error.problem)
    return root, tuple(problems)


def _value(text: str, line: int) -> Node:
    """The YAML value, all of it on the override's own line; nothing at all is null."""
    try:
        node, problems = parse_tree(decode_source(text.encode(errors="surrogateescape")))
    except SourceError as error:
        raise OverrideError(Problem(line, error.problem.text)) from None
    if node is None or problems:
        raise OverrideError(Problem(line, problems[0].text if problems else "not valid YAML"))
    if isinstance(node, Mapping) and not node.entries and not text.lstrip().startswith("{"):
        return Scalar(line, None)  # an empty document reads as an empty mapping
    return _on_line(node, line)


def _on_line(node: Node, line: int) -> Node:
    if isinstance(node, Mapping):
        return replace(
            node, line=line, entries=tuple(Entry(one.key, line, _on_line(one.node, line)) for one in node.entries)
        )
    if isinstance(node, Sequence):
        return replace(node, line=line, items=tuple(_on_line(item, line) for item in node.items))
    return replace(node, line=line)


@dataclass(frozen=True, slots=True)
class _Placing:
    """One value on its way to its place."""

    line: int
    value: Node
    model: type[BaseModel]

    def put(self, node: Node | None, steps: tuple[str | int, ...], at: KeyPath, in_force: Plain) -> Node:
        """The node at `at` with the value put into it; None for a node that the file does not have."""
        if not steps:
            return self.value
        here = self._opened(node, at, in_force)
        step, rest = steps[0], steps[1:]
        if isinstance(here, Sequence):
            return self._into_list(here, step, rest, at, in_force)
        return self._into_mapping(here, str(step), rest, at, in_force)

    def _opened(self, node: Node | None, at: KeyPath, in_force: Plain) -> Mapping | Sequence:
        """Something that has children: as the file has it, as it is in force, or empty."""
        is_section = locate(self.model, (*at, _SHORT_FOR)).owner
        if node is None or (isinstance(node, Scalar) and node.value is None):
            taken_over = is_section is None and in_force is not None
            node = replace(_tree(in_force), line=self.line) if taken_over else Mapping(self.line, (), 1, 0)
        if isinstance(node, Scalar) and is_section is not None and _SHORT_FOR in allowed_keys(is_section):
            return Mapping(self.line, (Entry(_SHORT_FOR, node.line, node),), 2, 1)
        if isinstance(node, Scalar):
            raise OverrideError(
                Problem(self.line, f"{format_key_path(at)} is a single value and has no keys; set it as a whole")
            )
        return node

    def _into_mapping(
        self, here: Mapping, key: str, rest: tuple[str | int, ...], at: KeyPath, in_force: Plain
    ) -> Mapping:
        old = here.entry(key)
        below = in_force.get(key) if isinstance(in_force, dict) else None
        new = self.put(None if old is None else old.node, rest, (*at, key), below)
        entry = Entry(key, self.line if old is None or not rest else old.line, new)
        if old is None:
            return replace(here, entries=(*here.entries, entry))
        return replace(here, entries=tuple(entry if one is old else one for one in here.entries))

    def _into_list(
        self, here: Sequence, step: str | int, rest: tuple[str | int, ...], at: KeyPath, in_force: Plain
    ) -> Sequence:
        count = len(here.items)
        if isinstance(step, str) and not step.isdecimal():
            raise OverrideError(Problem(self.line, f"{format_key_path(at)} is a list; name a place in it: [0]"))
        index = int(step)
        if index > count:
            entries = f"has {count} {'entry' if count == 1 else 'entries'}"
            raise OverrideError(Problem(self.line, f"{format_key_path(at)} {entries}; [{count}] would add one"))
        below = in_force[index] if isinstance(in_force, list) and index < len(in_force) else None
        old = here.items[index] if index < count else None
        new = self.put(old, rest, (*at, index), below)
        return replace(here, items=(*here.items[:index], new, *here.items[index + 1 :]))


def _tree(value: Plain) -> Node:
    """Plain values as a tree of defaults."""
    if isinstance(value, dict):
        entries = tuple(Entry(key, DEFAULT_LINE, _tree(below)) for key, below in value.items())
        return Mapping(DEFAULT_LINE, entries, 1, 0)
    if isinstance(value, list):
        return Sequence(DEFAULT_LINE, tuple(_tree(below) for below in value), 1, 0)
    return Scalar(DEFAULT_LINE, value)

"""YAML text as a tree of plain values that remember their lines.

The tree is built from PyYAML's events, so nothing is ever constructed from a tag and nothing grows beyond what the
limits below allow. The dialect is the one people believe YAML to be: `true` and `false` are booleans, `yes`, `on`
and `2026-01-01` are text, a key is text as written. Anchors and aliases work within bounds; merge keys, tags,
keys given twice and second documents are problems.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import yaml

from toolkit.config.yaml_source import Problem
from toolkit.config.yaml_syntax import explain_syntax

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml.events import Event

MAX_DEPTH = 40
MAX_VALUES = 200_000
"""Values in a file once its aliases are written out."""
MAX_DIGITS = 40

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"
KeyPath: TypeAlias = tuple[str | int, ...]
"""From the top of a file to a value: keys of mappings, and 0-based places in lists."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {word: value for value in (True, False) for word in (f"{value}", f"{value}".lower(), f"{value}".upper())}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
_COLLECTION_TAGS = frozenset({None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. `size` and `height` are what it adds where an alias repeats it."""

    line: int
    value: str | float | bool | None
    size: int = 1
    height: int = 0


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list, in order."""

    line: int
    items: tuple[Node, ...]
    size: int
    height: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping with the line of the key and its value."""

    key: str
    line: int
    node: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in file order; keys are unique."""

    line: int
    entries: tuple[Entry, ...]
    size: int
    height: int

    def entry(self, key: str | int) -> Entry | None:
        """The entry of a key, None if the file does not have it."""
        return next((entry for entry in self.entries if entry.key == key), None)


Node: TypeAlias = Scalar | Sequence | Mapping


def parse_tree(text: str) -> tuple[Node | None, tuple[Problem, ...]]:
    """Read one document; None for the tree if the text is not YAML at all or breaks a limit.

    An empty document is an empty mapping. Problems that leave a usable tree (a key given twice: the first value
    stands) come with it, so that a caller can go on and report everything at once.
    """
    builder = _Builder(text)
    try:
        return builder.document(), tuple(sorted(builder.problems))
    except yaml.MarkedYAMLError as error:
        return None, tuple(sorted([*builder.problems, explain_syntax(error, text)]))
    except _Stop:
        return None, tuple(sorted(builder.problems))


def plain(node: Node) -> Plain:
    """The tree as Python values."""
    if isinstance(node, Mapping):
        return {entry.key: plain(entry.node) for entry in node.entries}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value


def child(node: Node, step: str | int) -> tuple[int, Node] | None:
    """One step down: the line where the child begins (a key's own line in a mapping) and the child."""
    if isinstance(node, Mapping):
        entry = node.entry(step)
        return None if entry is None else (entry.line, entry.node)
    if isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step].line, node.items[step]
    return None


def walk(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, int]]:
    """Every value below `node` with its path and line, parents before children."""
    steps: Iterator[str | int] = iter(())
    if isinstance(node, Mapping):
        steps = (entry.key for entry in node.entries)
    elif isinstance(node, Sequence):
        steps = iter(range(len(node.items)))
    for step in steps:
        found = child(node, step)
        if found is not None:
            yield (*path, step), found[0]
            yield from walk(found[1], (*path, step))


class _Stop(Exception):  # noqa: N818 - a way out of the recursion, never seen outside
    """A limit was passed: the rest of the file is not looked at."""


@dataclass(slots=True)
class _Builder:
    text: str
    problems: list[Problem] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)
    open_anchors: set[str] = field(default_factory=set)
    values: int = 0
    events: Iterator[Event] = field(init=False)

    def __post_init__(self) -> None:
        # libyaml's parser where PyYAML was built with it: the same events, thirty times as fast.
        self.events = yaml.parse(self.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

    def problem(self, line: int, text: str) -> None:
        self.problems.append(Problem(line, text))

    def stop(self, line: int, text: str) -> _Stop:
        self.problem(line, text)
        return _Stop()

    def document(self) -> Node:
        root: Node = Mapping(1, (), 1, 0)
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self.stop(_line(event), "a second document begins here; one file holds one document")
            elif not isinstance(event, yaml.StreamStartEvent | yaml.DocumentEndEvent | yaml.StreamEndEvent):
                node = self.node(event, 0)
                if not (isinstance(node, Scalar) and node.value is None):
                    root = node
        return root

    def node(self, event: Event, depth: int) -> Node:
        line = _line(event)
        if depth > MAX_DEPTH:
            raise self.stop(line, f"values are nested more than {MAX_DEPTH} deep; is this the right file?")
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event.anchor, line, depth)
        self.count(line, 1, f"the file holds more than {MAX_VALUES:,} values")
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self.open_anchors.add(anchor)
        node = self.content(event, depth)
        if anchor is not None:
            self.open_anchors.discard(anchor)
            self.anchors[anchor] = node
        return node

    def content(self, event: Event, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        line, tag = _line(event), getattr(event, "tag", None)
        if tag not in _COLLECTION_TAGS:
            self.problem(line, f"the tag {_shown_tag(tag)} is not supported; write plain values")
        return self.sequence(line, depth) if isinstance(event, yaml.SequenceStartEvent) else self.mapping(line, depth)

    def count(self, line: int, size: int, text: str) -> None:
        self.values += size
        if self.values > MAX_VALUES:
            raise self.stop(line, f"{text}; is this the right file?")

    def alias(self, name: str | None, line: int, depth: int) -> Node:
        if name in self.open_anchors:
            raise self.stop(line, f"the alias *{name} stands inside the value that it repeats")
        node = self.anchors.get(name or "")
        if node is None:
            self.problem(line, f"the alias *{name} repeats nothing: there is no &{name} above it")
            return Scalar(line, None)
        self.count(line, node.size, f"with its aliases written out, the file holds more than {MAX_VALUES:,} values")
        if depth + node.height > MAX_DEPTH:
            raise self.stop(line, f"the alias *{name} nests values more than {MAX_DEPTH} deep")
        return node

    def scalar(self, event: yaml.ScalarEvent) -> Scalar:
        line = _line(event)
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            self.problem(line, f"the tag {_shown_tag(event.tag)} is not supported; write plain values")
        if event.tag is not None or not _is_bare(event):
            return Scalar(line, event.value)
        if _INTEGER.fullmatch(event.value) and len(event.value) > MAX_DIGITS:
            self.problem(line, f"a number of {len(event.value)} digits; write a smaller one, or quote it if it is text")
            return Scalar(line, None)
        return Scalar(line, _resolve(event.value))

    def sequence(self, line: int, depth: int) -> Sequence:
        items: list[Node] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self.node(event, depth + 1))
        return Sequence(line, tuple(items), *_extent(items))

    def mapping(self, line: int, depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key, key_line = self.key(event, depth), _line(event)
            value = self.node(next(self.events), depth + 1)
            if key is None:
                continue
            if key in entries:
                self.problem(
                    key_line, f"the key {key!r} is given twice, first on line {entries[key].line}; keep one of them"
                )
                continue
            entries[key] = Entry(key, key_line, value)
        return Mapping(line, tuple(entries.values()), *_extent([entry.node for entry in entries.values()]))

    def key(self, event: Event, depth: int) -> str | None:
        """The text of a key; None (and a problem) where it is something else."""
        if not isinstance(event, yaml.ScalarEvent):
            self.problem(_line(event), "a key must be plain text, not a list, a mapping or an alias")
            self.node(event, depth + 1)
            return None
        if event.anchor is not None:
            self.problem(_line(event), f"the anchor &{event.anchor} stands before a key; put it before a value")
        if _is_bare(event) and event.value == "<<":
            self.problem(_line(event), "merge keys (<<) are not supported; write the keys out")
            return None
        if _is_bare(event) and not event.value:
            self.problem(_line(event), "there is no key before ':'")
            return None
        return str(event.value)


def _line(event: Event) -> int:
    return 1 if event.start_mark is None else int(event.start_mark.line) + 1


def _is_bare(event: yaml.ScalarEvent) -> bool:
    """Whether a scalar was written without quotes (libyaml calls that style "", PyYAML None)."""
    return not event.style


def _extent(nodes: list[Node]) -> tuple[int, int]:
    """Size and height of a collection of these."""
    return 1 + sum(node.size for node in nodes), 1 + max((node.height for node in nodes), default=0)


def _shown_tag(tag: str | None) -> str:
    return str(tag).replace("tag:yaml.org,2002:", "!!")


def _resolve(text: str) -> str | float | bool | None:
    """A plain scalar's value by the core rules of YAML 1.2."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in {"0x", "0o"} else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    special = _SPECIAL_FLOAT.fullmatch(text)
    if special is not None:
        return float("nan") if special[3] else float(f"{special[1]}inf")
    return text

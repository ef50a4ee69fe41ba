"""Another kind of file than the one that was asked for: told by the keys at its top, in one sentence.

Without this, a scenario that is given as a config is one complaint for each of its keys, and none of them says what
happened. A file that has the marks of the wanted kind too, or those of several, is not told so: a config with a key
too many stays a config with a mistake in it.
"""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, NamedTuple

from toolkit.config.schema import allowed_keys
from toolkit.config.yaml_source import Problem, SourceError, decode_source
from toolkit.config.yaml_tree import Mapping, parse_tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel

    from toolkit.config.yaml_tree import Node


class Kind(NamedTuple):
    """A kind of file: one of the groups of keys in `marks` stands at its top, and `use` says what it is good for.

    `{file}` in `use` is the file's name.
    """

    name: str
    marks: tuple[frozenset[str], ...]
    use: str

    def use_of(self, file: str) -> str:
        """What a file of this kind is good for, as the end of a sentence."""
        return self.use.format(file=file)


KINDS = (
    Kind(
        "a config",
        tuple(frozenset({key}) for key in ("llm", "host", "twin", "gateway")),
        "`hotswap config check {file}` checks it, and commands take it as --config {file}",
    ),
    Kind(
        "a scenario",
        (frozenset({"arrivals", "prompts"}), frozenset({"name", "arrivals"}), frozenset({"name", "prompts"})),
        "`hotswap compare {file}` and `hotswap replay {file}` play it",
    ),
    Kind("a mix of clients", (frozenset({"duration", "clients"}),), "`hotswap compare --trace {file}` plays it"),
    Kind("a plan of faults", (frozenset({"faults"}),), "`hotswap twin serve --faults {file}` plays it"),
    Kind(
        "a table of GPUs with prices",
        (frozenset({"as_of", "gpus"}),),
        "`hotswap plan SCENARIO --question host --gpus-file {file}` reads it",
    ),
    Kind(
        "what a comparison found",
        (frozenset({"schema", "strategies"}),),
        "no command reads it; the run store has the runs, and `hotswap runs list` shows them",
    ),
    Kind(
        "a file of docker compose",
        (frozenset({"services"}),),
        "`hotswap provision settings plan --local --compose {file}` reads it",
    ),
)


KINDS_OF_LINES = (
    Kind(
        "a trace",
        (
            frozenset({"at_ns"}),
            frozenset({"at_s"}),
            frozenset({"timestamp", "hash_ids"}),
            frozenset({"TIMESTAMP", "ContextTokens"}),
            frozenset({"gmt_create", "checkpoint_model_version_id"}),
            frozenset({"Request tokens", "Response tokens"}),
        ),
        "`hotswap compare --trace {file}` plays it",
    ),
    Kind("a list of labelled prompts", (frozenset({"text", "label"}),), "`hotswap route --eval {file}` reads it"),
)
"""Files of one record a line, by the keys or columns of the first one."""


def kind_of(root: Node) -> Kind | None:
    """The kind whose marks stand at the top of a file; None for no kind, or several."""
    return _only(KINDS, (entry.key for entry in root.entries) if isinstance(root, Mapping) else ())


def kind_of_text(text: str) -> Kind | None:
    """The same of a text that may be anything."""
    try:
        root, _ = parse_tree(decode_source(text.encode()))
    except SourceError:
        return None
    return None if root is None else kind_of(root)


def other_kind(root: Node | None, data: bytes, model: type[BaseModel], file: str) -> Problem | None:
    """What a file is that is not of the model's kind, and what reads it; None where that cannot be told.

    `root` is its tree, None where it is no YAML.
    """
    own = frozenset(allowed_keys(model))
    wanted = next((kind for kind in KINDS if any(marks <= own for marks in kind.marks)), None)
    found = (None if root is None else kind_of(root)) or _only(KINDS_OF_LINES, _names_of_first_line(data))
    if wanted is None or found is None or found is wanted:
        return None
    line = 1 if root is None else root.line
    return Problem(line, f"this is {found.name}, not {wanted.name}; {found.use_of(file)}")


def _only(kinds: tuple[Kind, ...], names: Iterable[str]) -> Kind | None:
    given = frozenset(names)
    found = [kind for kind in kinds if any(marks <= given for marks in kind.marks)]
    return found[0] if len(found) == 1 else None


def _names_of_first_line(data: bytes) -> Iterable[str]:
    """The keys of a JSON object, or the columns of a CSV header."""
    line = data.removeprefix(codecs.BOM_UTF8).partition(b"\n")[0].decode(errors="replace").strip()
    if not line.startswith("{"):
        return (name.strip(' "') for name in line.split(","))
    try:
        return tuple(json.loads(line))
    except (ValueError, RecursionError):
        return ()

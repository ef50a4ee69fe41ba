"""Another kind of file than the one that was asked for: told by the keys at its top, in one sentence.

Without this, a scenario that is given as a config is one complaint for each of its keys, and none of them says what
happened. A file that has the marks of the wanted kind too, or those of several, is not told so: a config with a key
too many stays a config with a mistake in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from toolkit.config.schema import allowed_keys
from toolkit.config.yaml_source import Problem
from toolkit.config.yaml_tree import Mapping

if TYPE_CHECKING:
    from pydantic import BaseModel

    from toolkit.config.yaml_tree import Node


class Kind(NamedTuple):
    """A kind of file: one of the groups of keys in `marks` stands at its top, and `use` says what it is good for.

    `{file}` in `use` is the file's name.
    """

    name: str
    marks: tuple[frozenset[str], ...]
    use: str


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


def other_kind(root: Node, model: type[BaseModel], file: str) -> Problem | None:
    """What a file is that is not of the model's kind, and what reads it; None where that cannot be told."""
    if not isinstance(root, Mapping):
        return None
    keys = frozenset(entry.key for entry in root.entries)
    own = frozenset(allowed_keys(model))
    wanted = next((kind for kind in KINDS if any(marks <= own for marks in kind.marks)), None)
    found = [kind for kind in KINDS if any(marks <= keys for marks in kind.marks)]
    if wanted is None or wanted in found or len(found) != 1:
        return None
    return Problem(root.line, f"this is {found[0].name}, not {wanted.name}; {found[0].use.format(file=file)}")

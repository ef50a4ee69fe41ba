"""A YAML file as a checked model that knows which line each of its values stands on.

Used for hosts' configs and for scenarios alike; a config may have values of the command line laid over it. Everything
that is wrong with a file is found at once and reported in file order, one `FILE:LINE: key.path: …` sentence a mistake.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError

from toolkit.config.explain import explain, format_key_path, line_near
from toolkit.config.kinds import other_kind
from toolkit.config.overrides import OVERRIDE_LINES, apply_overrides
from toolkit.config.yaml_source import Problem, SourceError, decode_source, read_source
from toolkit.config.yaml_tree import child, parse_tree, plain, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from toolkit.config.overrides import Override
    from toolkit.config.yaml_tree import KeyPath, Node, Plain

M = TypeVar("M", bound=BaseModel)

__all__ = ["Positioned", "format_key_path", "load_yaml_model", "read_yaml_model"]


@dataclass(frozen=True, slots=True)
class Positioned(Generic[M]):
    """A file's `value`, its name as the user wrote it, the hex `sha256` of its bytes, and its tree of lines.

    `overrides` are laid over it; their lines come after those of any file.
    """

    value: M
    file: str
    sha256: str
    root: Node
    overrides: tuple[Override, ...] = ()

    def line_of(self, key_path: KeyPath) -> int | None:
        """The 1-based line of a value, by its keys as written and 0-based places in lists; `()` is the whole file.

        None where the file does not have it, so that a default is in force.
        """
        node, line = self.root, self.root.line
        for step in key_path:
            below = child(node, step)
            if below is None:
                return None
            line, node = below
        return line

    def line_near(self, key_path: KeyPath) -> int:
        """The line of a value, or of the innermost value around it that the file has."""
        return line_near(self.root, key_path)

    def at(self, key_path: KeyPath) -> str:
        """`FILE:LINE:` for a message about a value that the file may or may not have; `--set PATH:` of an override."""
        return _place(self.file, self.line_near(key_path), self.overrides)

    def key_paths(self) -> Iterator[tuple[KeyPath, int]]:
        """Every value that the file gives, with its line, outer ones first."""
        return walk(self.root)


def load_yaml_model(
    path: Path, model: type[M], *, error: Callable[[tuple[str, ...]], Exception], overrides: Sequence[Override] = ()
) -> Positioned[M]:
    """Read a YAML file into a model, with values of the command line laid over it.

    Unions in the model should have a discriminator: only then can a message name the one alternative that was meant.

    Raises:
        whatever `error` makes of the problems: one `FILE:LINE: …` sentence for each mistake, in file order, then one
        `--set PATH: …` sentence for each mistake in an override.
    """
    try:
        data = read_source(path)
    except SourceError as failure:
        raise error((f"{path}:{failure.problem.line}: {failure.problem.text}",)) from None
    return read_yaml_model(data, str(path), model, error=error, overrides=overrides)


def read_yaml_model(
    data: bytes,
    file: str,
    model: type[M],
    *,
    error: Callable[[tuple[str, ...]], Exception],
    overrides: Sequence[Override] = (),
) -> Positioned[M]:
    """The same for bytes that are here already; `file` is the name that messages use. Raises as `load_yaml_model`."""
    laid = tuple(overrides)
    try:
        root, problems = parse_tree(decode_source(data))
    except SourceError as failure:
        root, problems = None, (failure.problem,)
    bare = root
    if root is not None and laid:
        root, wrong = apply_overrides(root, laid, model, _in_force(root, model))
        problems = (*problems, *wrong)
    value: M | None = None
    if root is not None:
        try:
            value = model.model_validate(plain(root))
        except ValidationError as invalid:
            problems = tuple(sorted({*problems, *explain(invalid, model, root)}))
    if root is None or value is None or problems:
        other = other_kind(bare, data, model, file)
        raise error(tuple(_sentence(file, problem, laid) for problem in ((other,) if other else problems)))
    return Positioned(value, file, hashlib.sha256(data).hexdigest(), root, laid)


def _in_force(root: Node, model: type[BaseModel]) -> Plain:
    """What holds without overrides, as it could stand in the file; of a file with mistakes, what it says itself."""
    try:
        value = model.model_validate(plain(root))
    except ValidationError:
        return plain(root)
    return cast("Plain", value.model_dump(mode="json", by_alias=True, exclude_none=True))


def _place(file: str, line: int, overrides: tuple[Override, ...]) -> str:
    """`FILE:LINE:`, or the option by its path."""
    if line >= OVERRIDE_LINES:
        return f"{overrides[line - OVERRIDE_LINES].option}:"
    return f"{file}:{line}:"


def _sentence(file: str, problem: Problem, overrides: tuple[Override, ...] = ()) -> str:
    """One line, whatever the file holds: a terminal must not obey what a message only quotes."""
    place = _place(file, problem.line, overrides)
    # `--set a.b: a.b: found …` says the path twice; a mistake may also show at another path than the one that was set.
    twice = problem.line >= OVERRIDE_LINES and problem.text.startswith(place.removeprefix("--set "))
    text = f"--set {problem.text}" if twice else f"{place} {problem.text}"
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)

"""The parts of a Go text/template, as far as model templates use them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text."""

    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number, bool or nil."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Field:
    """`.A.B`; no names at all is the dot itself."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x.A.B`; the name has its dollar."""

    name: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """The name of a function."""

    name: str


@dataclass(frozen=True, slots=True)
class Chain:
    """A parenthesised pipeline with fields after it."""

    pipe: Pipe
    names: tuple[str, ...]


Operand: TypeAlias = "Literal | Field | Variable | Function | Chain"


@dataclass(frozen=True, slots=True)
class Command:
    """A function or value with its arguments."""

    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands, each the last argument of the next; what it declares or assigns."""

    commands: tuple[Command, ...]
    variables: tuple[str, ...] = ()
    assigns: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """`{{ pipeline }}`."""

    pipe: Pipe
    line: int = 1


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`, `range` or `with`."""

    kind: str
    pipe: Pipe
    body: tuple[Node, ...]
    other: tuple[Node, ...] | None = None
    line: int = 1


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue`."""

    kind: str


@dataclass(frozen=True, slots=True)
class Include:
    """`{{ template "name" pipeline }}`."""

    name: str
    pipe: Pipe | None


Node: TypeAlias = "Text | Action | Branch | Jump | Include"


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed template and the templates it defines."""

    nodes: tuple[Node, ...]
    defined: tuple[tuple[str, tuple[Node, ...]], ...] = field(default=())


def operands_of(pipe: Pipe | None) -> list[Operand]:
    """Every operand of a pipeline, those in parentheses included."""
    found: list[Operand] = []
    for command in pipe.commands if pipe else ():
        for operand in command.operands:
            found.append(operand)
            if isinstance(operand, Chain):
                found.extend(operands_of(operand.pipe))
    return found


def names_of(operand: Operand) -> tuple[str, ...]:
    """The field names that an operand mentions."""
    return operand.names if isinstance(operand, (Field, Variable, Chain)) else ()

"""Executes parsed templates. Values are Python's own; `Record` stands for a Go struct, dicts for Go maps."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.host.speech.template_nodes import (
    Action,
    Branch,
    Chain,
    Command,
    Field,
    Function,
    Include,
    Jump,
    Literal,
    Node,
    Operand,
    Pipe,
    Text,
    Tree,
    Variable,
)
from toolkit.host.speech.template_parse import TemplateError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable


class Record(dict[str, Any]):
    """A struct: asking for a field that it does not have is a fault. `text` is what it prints as, `wire` its JSON."""

    def __init__(
        self, go_type: str, values: dict[str, Any], text: str | None = None, *, wire: str | None = None
    ) -> None:
        super().__init__(values)
        self.go_type, self.text, self.wire = go_type, text, wire if wire is not None else text


class Printed(dict[str, Any]):
    """A map with its own way of printing."""

    def __init__(self, values: dict[str, Any], text: str) -> None:
        super().__init__(values)
        self.text = self.wire = text


class PrintedList(list[Any]):
    """A list with its own way of printing."""

    def __init__(self, values: list[Any], text: str, *, wire: str | None = None) -> None:
        super().__init__(values)
        self.text, self.wire = text, wire if wire is not None else text


class _NoValue:
    """What a map gives for a key that it does not have."""


NO_VALUE = _NoValue()


class _BreakError(Exception):
    pass


class _ContinueError(Exception):
    pass


def truthy(value: Any) -> bool:
    """Go's truth: zero values and empty things are false."""
    if isinstance(value, Record):
        return True
    return value is not NO_VALUE and bool(value)


def printed(value: Any) -> str:  # noqa: PLR0911 - one line a type
    """A value as `fmt.Sprint` shows it."""
    if isinstance(value, str):
        return value
    if value is NO_VALUE:
        return "<no value>"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = getattr(value, "text", None)
    if text is not None:
        return str(text)
    if isinstance(value, Record):
        return "{" + " ".join(printed(item) for item in value.values()) + "}"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{printed(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(printed(item) for item in value) + "]"
    if isinstance(value, float):
        return f"{value:g}" if value != int(value) else str(int(value))
    return str(value)


@dataclass(slots=True)
class Runner:
    """One execution; `functions` are those beyond Go's own."""

    functions: dict[str, Callable[..., Any]]
    today: dt.date
    out: list[str] = field(default_factory=list)
    scopes: list[tuple[str, Any]] = field(default_factory=list)
    defined: dict[str, tuple[Node, ...]] = field(default_factory=dict)

    def run(self, tree: Tree, data: Any) -> str:
        """Execute `tree` with `data` as the dot.

        Raises:
            TemplateError: in Go's words.
        """
        self.out, self.scopes, self.defined = [], [("$", data)], dict(tree.defined)
        self._nodes(tree.nodes, data)
        return "".join(self.out)

    def _nodes(self, nodes: tuple[Node, ...], dot: Any) -> None:
        depth = len(self.scopes)
        try:
            for node in nodes:
                self._node(node, dot)
        finally:
            del self.scopes[depth:]

    def _node(self, node: Node, dot: Any) -> None:
        if isinstance(node, Text):
            self.out.append(node.text)
        elif isinstance(node, Action):
            value = self._pipe(node.pipe, dot)
            if not node.pipe.variables:
                self.out.append(printed(value))
        elif isinstance(node, Branch):
            self._branch(node, dot)
        elif isinstance(node, Jump):
            raise _BreakError if node.kind == "break" else _ContinueError
        elif isinstance(node, Include):
            if node.name not in self.defined:
                raise TemplateError(f'template: :1: template "{node.name}" not defined')
            inner = self._pipe(node.pipe, dot) if node.pipe else None
            outer, self.scopes = self.scopes, [("$", inner)]
            self._nodes(self.defined[node.name], inner)
            self.scopes = outer

    def _branch(self, node: Branch, dot: Any) -> None:
        depth = len(self.scopes)
        if node.kind == "range":
            self._range(node, dot)
        else:
            value = self._pipe(node.pipe, dot)
            if truthy(value):
                self._nodes(node.body, value if node.kind == "with" else dot)
            elif node.other is not None:
                self._nodes(node.other, dot)
        del self.scopes[depth:]

    def _range(self, node: Branch, dot: Any) -> None:
        value = self._plain_pipe(node.pipe, dot)
        pairs = self._pairs(value)
        if not pairs and node.other is not None:
            self._nodes(node.other, dot)
        for key, item in pairs:
            depth = len(self.scopes)
            names = node.pipe.variables
            for name, bound in zip(names, (item,) if len(names) == 1 else (key, item), strict=False):
                self._bind(name, bound, assigns=node.pipe.assigns)
            try:
                self._nodes(node.body, item)
            except _BreakError:
                return
            except _ContinueError:
                continue
            finally:
                del self.scopes[depth:]

    @staticmethod
    def _pairs(value: Any) -> list[tuple[Any, Any]]:
        if value is None or value is NO_VALUE:
            return []
        if isinstance(value, dict) and not isinstance(value, Record):
            return [(key, value[key]) for key in sorted(value)]
        if isinstance(value, (list, tuple)):
            return list(enumerate(value))
        if isinstance(value, int) and not isinstance(value, bool):
            return [(number, number) for number in range(value)]
        raise TemplateError(f'template: :1: executing "" at <.>: range can\'t iterate over {printed(value)}')

    def _bind(self, name: str, value: Any, *, assigns: bool) -> None:
        if assigns:
            for place in range(len(self.scopes) - 1, -1, -1):
                if self.scopes[place][0] == name:
                    self.scopes[place] = (name, value)
                    return
        self.scopes.append((name, value))

    def _pipe(self, pipe: Pipe, dot: Any) -> Any:
        value = self._plain_pipe(pipe, dot)
        for name in pipe.variables:
            self._bind(name, value, assigns=pipe.assigns)
        return value

    def _plain_pipe(self, pipe: Pipe, dot: Any) -> Any:
        value: Any = None
        for position, command in enumerate(pipe.commands):
            value = self._command(command, dot, () if position == 0 else (value,))
        return value

    def _command(self, command: Command, dot: Any, last: tuple[Any, ...]) -> Any:
        first, *rest = command.operands
        if isinstance(first, Function):
            if first.name in {"and", "or"}:
                return self._lazy(first.name, rest, dot, last)
            arguments = [self._operand(operand, dot) for operand in rest]
            return self._call(first.name, [*arguments, *last])
        return self._operand(first, dot)

    def _lazy(self, name: str, operands: list[Operand], dot: Any, last: tuple[Any, ...]) -> Any:
        """`and` and `or` stop at the first argument that decides."""
        value: Any = NO_VALUE
        for operand in operands:
            value = self._operand(operand, dot)
            if truthy(value) == (name == "or"):
                return value
        return last[0] if last else value

    def _operand(self, operand: Operand, dot: Any) -> Any:
        if isinstance(operand, Literal):
            return operand.value
        if isinstance(operand, Field):
            return self._fields(dot, operand.names)
        if isinstance(operand, Variable):
            return self._fields(self._variable(operand.name), operand.names)
        if isinstance(operand, Chain):
            return self._fields(self._plain_pipe(operand.pipe, dot), operand.names)
        return self._call(operand.name, [])

    def _variable(self, name: str) -> Any:
        for known, value in reversed(self.scopes):
            if known == name:
                return value
        raise TemplateError(f'template: :1: undefined variable "{name}"')

    @staticmethod
    def _fields(value: Any, names: tuple[str, ...]) -> Any:
        for name in names:
            if isinstance(value, dict):
                if name not in value and isinstance(value, Record):
                    what = f"can't evaluate field {name} in type {value.go_type}"
                    raise TemplateError(f'template: :1:1: executing "" at <.{name}>: {what}')
                value = value.get(name, NO_VALUE)
            elif value is None or value is NO_VALUE:
                value = NO_VALUE
            else:
                raise TemplateError(
                    f'template: :1:1: executing "" at <.{name}>: can\'t evaluate field {name} in type {_go_type(value)}'
                )
        return value

    def _call(self, name: str, arguments: list[Any]) -> Any:
        try:
            return (self.functions.get(name) or _BUILT_IN[name])(*arguments)
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise TemplateError(f'template: :1:1: executing "" at <{name}>: error calling {name}: {error}') from error


def _go_type(value: Any) -> str:
    names = {str: "string", bool: "bool", int: "int", float: "float64"}
    return names.get(type(value), "interface {}")


def _equal(first: Any, *others: Any) -> bool:
    return any(first == other and isinstance(first, bool) == isinstance(other, bool) for other in others)


def _index(value: Any, *places: Any) -> Any:
    for place in places:
        value = value.get(place, NO_VALUE) if isinstance(value, dict) else value[place]
    return value


def _slice(value: Any, start: int = 0, end: int | None = None) -> Any:
    end = len(value) if end is None else end
    if not 0 <= start <= end <= len(value):
        raise IndexError(f"index out of range: {start if start > len(value) else end}")
    return value[start:end]


def _printf(template: str, *values: Any) -> str:
    """The verbs that templates use; what is left over or missing is told as Go tells it."""
    rest = list(values)

    def verb(found: re.Match[str]) -> str:
        flags, kind = found[1], found[2]
        if kind == "%":
            return "%"
        if not rest:
            return f"%!{kind}(MISSING)"
        value = rest.pop(0)
        if kind == "q":
            return json.dumps(printed(value), ensure_ascii=False)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return f"%{flags}{kind}" % value if kind in "dfgex" and number else f"%{flags}s" % printed(value)

    text = _VERB.sub(verb, template)
    return text + f"%!(EXTRA {', '.join(f'{_go_type(value)}={printed(value)}' for value in rest)})" if rest else text


def _print(*values: Any) -> str:
    """A blank between neighbours neither of which is a string."""
    out = ""
    for place, value in enumerate(values):
        out += " " * (place > 0 and not isinstance(value, str) and not isinstance(values[place - 1], str))
        out += printed(value)
    return out


_VERB = re.compile(r"%([-+# 0]*[0-9]*(?:\.[0-9]+)?)([a-zA-Z%])")


_BUILT_IN: dict[str, Callable[..., Any]] = {
    "not": lambda value: not truthy(value),
    "len": len,
    "index": _index,
    "slice": _slice,
    "print": _print,
    "println": lambda *values: " ".join(printed(value) for value in values) + "\n",
    "printf": _printf,
    "html": lambda *values: "".join(printed(value) for value in values).replace("&", "&amp;").replace("<", "&lt;"),
    "js": lambda *values: "".join(printed(value) for value in values),
    "urlquery": lambda *values: "".join(printed(value) for value in values),
    "call": lambda function, *values: function(*values),
    "eq": _equal,
    "ne": lambda first, second: not _equal(first, second),
    "lt": lambda first, second: first < second,
    "le": lambda first, second: first <= second,
    "gt": lambda first, second: first > second,
    "ge": lambda first, second: first >= second,
}

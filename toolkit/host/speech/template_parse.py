"""Parses Go's text/template syntax. Faults carry Go's words: `template: :1: unclosed action`."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import NoReturn

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

_GO_FUNCTIONS = """
    and or not len index slice print printf println html js urlquery call eq ne lt le gt ge
"""
FUNCTIONS = frozenset({*_GO_FUNCTIONS.split(), "json", "currentDate", "yesterdayDate", "toTypeScriptType"})
"""Go's own, and those of the server."""
_SPACE = " \t\r\n"
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      |(?P<string>"(?:[^"\\\n]|\\.)*")
      |(?P<raw>`[^`]*`)
      |(?P<char>'(?:[^'\\\n]|\\.)+')
      |(?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+))
      |(?P<declare>:=)
      |(?P<assign>=)
      |(?P<pipe>\|)
      |(?P<left>\()
      |(?P<right>\))
      |(?P<comma>,)
      |(?P<field>\.[A-Za-z_][A-Za-z0-9_]*)
      |(?P<variable>\$[A-Za-z0-9_]*)
      |(?P<dot>\.)
      |(?P<word>[A-Za-z_][A-Za-z0-9_]*)""",
    re.VERBOSE,
)


class TemplateError(Exception):
    """A template that cannot be parsed or executed; the message is Go's."""


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    spaced: bool
    """White space stands before it."""


@dataclass(slots=True)
class _Item:
    """A piece of the template: text, or the inside of an action."""

    text: str
    line: int
    tokens: list[_Token] | None = None


def parse_template(source: str) -> Tree:
    """Parse a template.

    Raises:
        TemplateError: in Go's words.
    """
    return _Parser(_items(source)).tree()


def _fail(line: int, what: str) -> NoReturn:
    raise TemplateError(f"template: :{line}: {what}")


def _items(source: str) -> list[_Item]:
    """Split at the actions; `{{-` and `-}}` eat the white space beside them."""
    items: list[_Item] = []
    at, line, trim_next = 0, 1, False
    while True:
        start = source.find("{{", at)
        text = source[at:] if start < 0 else source[at:start]
        trims_before = start >= 0 and source.startswith("{{-", start) and source[start + 3 : start + 4].strip() == ""
        trims_before = trims_before and start + 3 < len(source)
        shown = text.lstrip(_SPACE) if trim_next else text
        shown = shown.rstrip(_SPACE) if trims_before else shown
        if shown:
            items.append(_Item(shown, line))
        line += text.count("\n")
        if start < 0:
            return items
        inside = start + (3 if trims_before else 2)
        end, trim_next = _action_end(source, inside, line)
        body = source[inside:end]
        if not body.lstrip(_SPACE).startswith("/*"):
            items.append(_Item("", line, _tokens(body, line)))
        line += body.count("\n")
        at = end + (3 if trim_next else 2)


def _action_end(source: str, at: int, line: int) -> tuple[int, bool]:
    """Where the action ends, and whether it ends with ` -}}`."""
    comment = re.compile(r"[ \t\r\n]*/\*").match(source, at)
    if comment is not None:
        close = source.find("*/", comment.end())
        if close < 0:
            _fail(line, "unclosed comment")
        ending = re.compile(r"\*/(?:[ \t\r\n]+-\}\}|\}\})").match(source, close)
        if ending is None:
            _fail(line, "comment ends before closing delimiter")
        trimmed = ending[0].endswith("-}}")
        return ending.end() - (3 if trimmed else 2), trimmed
    while at < len(source):
        char = source[at]
        if source.startswith("}}", at):
            return at, False
        if char in _SPACE and source.startswith("-}}", at + 1):
            return at + 1, True
        if char in "\"'`":
            at = _skip_quoted(source, at, line)
            continue
        at += 1
    _fail(line + source.count("\n", 0, 0), "unclosed action")


def _skip_quoted(source: str, at: int, line: int) -> int:
    quote = source[at]
    position = at + 1
    while position < len(source):
        if source[position] == "\\" and quote != "`":
            position += 2
            continue
        if source[position] == quote:
            return position + 1
        if source[position] == "\n" and quote != "`":
            break
        position += 1
    kinds = {
        '"': "unterminated quoted string",
        "'": "unterminated character constant",
        "`": "unterminated raw quoted string",
    }
    _fail(line, kinds[quote])


def _tokens(body: str, line: int) -> list[_Token]:
    tokens: list[_Token] = []
    at, spaced = 0, True
    while at < len(body):
        found = _TOKEN.match(body, at)
        if found is None or found.lastgroup is None:
            _fail(
                line,
                f"unexpected {_unexpected(body[at])} in command" if tokens else f"unexpected {_unexpected(body[at])}",
            )
        at = found.end()
        if found.lastgroup == "space":
            spaced = True
            continue
        tokens.append(_Token(found.lastgroup, found[0], spaced))
        spaced = False
    return tokens


def _unexpected(char: str) -> str:
    return f'"\\{char}"' if char in '"\\' else f'"{char}"'


@dataclass(slots=True)
class _Parser:
    items: list[_Item]
    at: int = 0
    variables: list[str] = field(default_factory=lambda: ["$"])
    loops: int = 0
    defined: dict[str, tuple[Node, ...]] = field(default_factory=dict)
    line: int = 1

    def tree(self) -> Tree:
        nodes, ended = self.nodes()
        if ended is not None:
            _fail(self.line, f"unexpected {{{{{ended}}}}}")
        return Tree(nodes, tuple(self.defined.items()))

    def nodes(self) -> tuple[tuple[Node, ...], str | None]:
        """Nodes up to `end` or `else`, or to the end of the template."""
        found: list[Node] = []
        while self.at < len(self.items):
            item = self.items[self.at]
            self.at += 1
            self.line = item.line
            if item.tokens is None:
                found.append(Text(item.text))
                continue
            tokens = item.tokens
            word = tokens[0].text if tokens and tokens[0].kind == "word" else ""
            if word in {"end", "else"}:
                self.rest = tokens[1:]
                if word == "end" and self.rest:
                    _fail(item.line, f"unexpected <{self.rest[0].text}> in end")
                return tuple(found), word
            node = self.node(word, tokens)
            if node is not None:
                found.append(node)
        return tuple(found), None

    rest: list[_Token] = field(default_factory=list)

    def node(self, word: str, tokens: list[_Token]) -> Node | None:
        if word in {"if", "range", "with"}:
            return self.branch(word, tokens[1:])
        if word in {"break", "continue"}:
            if not self.loops:
                _fail(self.line, f"{{{{{word}}}}} outside {{{{range}}}}")
            return Jump(word)
        if word in {"define", "block"}:
            return self.definition(word, tokens[1:])
        if word == "template":
            name = self.name_of(tokens[1:2], word)
            pipe = _Pipeline(self, tokens[2:], "template clause").parse() if len(tokens) > 2 else None  # noqa: PLR2004
            return Include(name, pipe)
        return Action(_Pipeline(self, tokens, "command").parse(), self.line)

    def name_of(self, tokens: list[_Token], clause: str) -> str:
        if not tokens or tokens[0].kind not in {"string", "raw"}:
            _fail(self.line, f'unexpected "}}}}" in {clause} clause')
        return str(_unquote(tokens[0].text, self.line))

    def definition(self, word: str, tokens: list[_Token]) -> Node | None:
        name = self.name_of(tokens[:1], word)
        pipe = _Pipeline(self, tokens[1:], "block clause").parse() if word == "block" else None
        outer, self.variables = self.variables, ["$"]
        nodes, ended = self.nodes()
        self.variables = outer
        if ended != "end":
            _fail(
                self.line,
                f"unexpected EOF in {word} clause" if ended is None else "unexpected {{else}} in define clause",
            )
        self.defined[name] = nodes
        return Include(name, pipe) if word == "block" else None

    def branch(self, kind: str, tokens: list[_Token]) -> Branch:
        line, depth = self.line, len(self.variables)
        pipe = _Pipeline(self, tokens, kind).parse()
        self.loops += kind == "range"
        body, ended = self.nodes()
        self.loops -= kind == "range"
        other: tuple[Node, ...] | None = None
        if ended == "else":
            rest = self.rest
            if rest and rest[0].text in {"if", "with"} and rest[0].text == kind:
                other = (self.branch(kind, rest[1:]),)
                ended = "end"
            elif rest:
                _fail(self.line, f"unexpected <{rest[0].text}> in input")
            else:
                other, ended = self.nodes()
                if ended == "else":
                    _fail(self.line, "expected end; found {{else}}")
        if ended is None:
            _fail(self.line, "unexpected EOF")
        del self.variables[depth:]
        return Branch(kind, pipe, body, other, line)


class _Pipeline:
    """The inside of one action."""

    def __init__(self, parser: _Parser, tokens: list[_Token], context: str) -> None:
        self._parser, self._tokens, self._context, self._at = parser, tokens, context, 0

    def parse(self) -> Pipe:
        pipe = self._pipe(nested=False)
        if self._at < len(self._tokens):
            self._fault(f"unexpected {self._tokens[self._at].text!r} in {self._context}".replace("'", '"'))
        return pipe

    def _fault(self, what: str) -> NoReturn:
        _fail(self._parser.line, what)

    def _peek(self, ahead: int = 0) -> _Token | None:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _pipe(self, *, nested: bool) -> Pipe:
        variables, assigns = self._declarations()
        commands: list[Command] = []
        while True:
            commands.append(self._command())
            token = self._peek()
            if token is None or (nested and token.kind == "right"):
                break
            if token.kind != "pipe":
                break
            self._at += 1
            if self._peek() is None:
                self._fault(f"missing value for {self._context}")
        self._parser.variables.extend(name for name in variables if not assigns)
        return Pipe(tuple(commands), variables, assigns)

    def _declarations(self) -> tuple[tuple[str, ...], bool]:
        first, second = self._peek(), self._peek(1)
        if first is None or first.kind != "variable" or second is None:
            return (), False
        if second.kind in {"declare", "assign"}:
            self._at += 2
            return (first.text,), second.kind == "assign"
        third, fourth = self._peek(2), self._peek(3)
        if self._context == "range" and second.kind == "comma" and third is not None and third.kind == "variable":
            if fourth is None or fourth.kind not in {"declare", "assign"}:
                self._fault("range can only initialize variables")
            self._at += 4
            return (first.text, third.text), fourth.kind == "assign"
        return (), False

    def _command(self) -> Command:
        operands: list[Operand] = []
        while True:
            token = self._peek()
            if token is None or token.kind in {"pipe", "right"}:
                break
            operands.append(self._operand(token))
        if not operands:
            self._fault(f"missing value for {self._context}" if self._peek() is None else "empty command")
        if len(operands) > 1 and not isinstance(operands[0], (Function, Field, Variable, Chain)):
            self._fault(f"unexpected literal with arguments in {self._context}")
        return Command(tuple(operands))

    def _operand(self, token: _Token) -> Operand:  # noqa: PLR0911 - one line a kind of token
        self._at += 1
        if token.kind in {"string", "raw", "char", "number"}:
            return Literal(_unquote(token.text, self._parser.line), token.text)
        if token.kind == "word":
            return self._word(token.text)
        if token.kind == "field":
            return Field((token.text[1:], *self._more_fields()))
        if token.kind == "dot":
            return Field(())
        if token.kind == "variable":
            if token.text not in self._parser.variables:
                self._fault(f'undefined variable "{token.text}"')
            return Variable(token.text, self._more_fields())
        if token.kind == "left":
            context, self._context = self._context, "parenthesized pipeline"
            pipe = self._pipe(nested=True)
            self._context = context
            closing = self._peek()
            if closing is None or closing.kind != "right":
                self._fault("unclosed left paren")
            self._at += 1
            return Chain(pipe, self._more_fields())
        return self._fault(f'unexpected "{token.text}" in operand')

    def _word(self, word: str) -> Operand:
        constants = {"true": True, "false": False, "nil": None}
        if word in constants:
            return Literal(constants[word], word)
        if word not in FUNCTIONS:
            self._fault(f'function "{word}" not defined')
        return Function(word)

    def _more_fields(self) -> tuple[str, ...]:
        names: list[str] = []
        token = self._peek()
        while token is not None and token.kind == "field" and not token.spaced:
            names.append(token.text[1:])
            self._at += 1
            token = self._peek()
        return tuple(names)


def _unquote(text: str, line: int) -> object:
    if text[0] == "`":
        return text[1:-1]
    if text[0] == "'":
        return ord(ast.literal_eval(text))
    if text[0] == '"':
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError):
            _fail(line, "invalid syntax")
    digits = text.replace("_", "")
    try:
        return int(digits, 0)
    except ValueError:
        return float(digits)

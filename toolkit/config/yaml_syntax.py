"""What a person did wrong when YAML's grammar gives up, in words that say what to change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from toolkit.config.yaml_source import Problem

if TYPE_CHECKING:
    from yaml import MarkedYAMLError

_TAB_INDENT = re.compile(r" *\t")
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")

_CAUSES = (
    ("escape character", "a backslash inside double quotes has a meaning of its own; use single quotes for patterns"),
    ("expected escape sequence", "a backslash inside double quotes has a meaning of its own; use single quotes"),
    ("scanning a quoted scalar", "a quote is opened and never closed"),
    ("mapping values are not allowed", "a ':' where none may stand; check the indentation, or put the value in quotes"),
    ("could not find expected ':'", "a key without ':' after it"),
    ("cannot start any token", "a value may not begin with this character; put the value in quotes"),
    ("expected node content", "a ',', ':' or bracket too many"),
    ("expected the node content", "a ',', ':' or bracket too many"),
    ("parsing a flow mapping", "a '{' is opened and never closed, or a ',' is missing"),
    ("parsing a flow sequence", "a '[' is opened and never closed, or a ',' is missing"),
    ("expected <block end>", "the indentation does not fit the lines above, or a quote is missing"),
    ("parsing a block", "the indentation does not fit the lines above, or a quote is missing"),
    ("sequence entries are not allowed", "a '-' where no list item may stand; check the indentation"),
    ("scanning an anchor", "an '&' begins an anchor; put the value in quotes"),
    ("scanning an alias", "a '*' begins an alias; put the value in quotes"),
    ("scanning a directive", "a line may not begin with '%'; put the value in quotes"),
    ("directive", "a line may not begin with '%'; put the value in quotes"),
    ("tag", "a '!' begins a tag, and tags are not supported; put the value in quotes"),
    ("scanning a block scalar", "after '|' or '>' the text begins on the next line, indented"),
    ("<document start>", "something stands after the end of the document"),
)


def explain_syntax(error: MarkedYAMLError, text: str) -> Problem:
    """The first place where the grammar fails, as a problem; `text` is the whole file."""
    lines = _LINE_BREAK.split(text)
    marks = [mark.line for mark in (error.context_mark, error.problem_mark) if mark is not None]
    first, last = (min(marks), max(marks)) if marks else (0, 0)
    for index in range(first, min(last + 1, len(lines))):
        if _TAB_INDENT.match(lines[index]):
            return Problem(index + 1, "this line is indented with a tab; YAML takes spaces only")
    said = f"{error.context or ''} {error.problem or ''}"
    cause = next((cause for sign, cause in _CAUSES if sign in said), f"{error.problem}")
    # An opened quote or bracket is mended where it opens, not at the end of the file where its absence shows.
    opened = "is opened" in cause and error.context_mark is not None
    line = error.context_mark.line if opened and error.context_mark is not None else last
    line = min(line, max(len(lines) - 1, 0))
    shown = lines[line].strip()
    quoted = f" near `{shown[:60]}`" if shown else ""
    return Problem(line + 1, f"not valid YAML{quoted}: {cause}")

"""Finds tool calls in what a model writes: after the template's tag, or in bare JSON where it has none."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from toolkit.host.speech.thinking import overlap

_OPENERS = {"{": "}", "[": "]"}


@dataclass(slots=True)
class ToolCallFinder:
    """Feed it the text piece by piece; it gives back calls, and the text that is none.

    `tools` are decoded API tools; a call counts only if its name is among theirs.
    """

    tag: str
    tools: tuple[dict[str, Any], ...]
    _held: str = ""
    _calling: bool = False
    _done: bool = False
    _count: int = field(default=0)

    def add(self, text: str) -> tuple[list[dict[str, Any]], str]:
        """The calls that are complete after this piece, and text to pass on."""
        if self._done:
            return [], text
        self._held += text
        content = ""
        if not self._calling:
            at, found = self._find_tag()
            content, self._held = (self._held, "") if at < 0 else (self._held[:at], self._held[at:])
            if self.tag in _OPENERS and content.strip():
                self._done = True
                content, self._held = content + self._held, ""
                return [], content
            if not found:
                return [], content
            self._calling = True
        calls: list[dict[str, Any]] = []
        while (call := self._next_call()) is not None:
            calls.append(call)
        if self.tag in _OPENERS and _balanced(self._held, self.tag):
            self._done = True
            content, self._held = self._held, ""
        return calls, content

    def rest(self) -> str:
        """What was held back in vain, once the model has ended."""
        return self._held if not self._count and self.tag in _OPENERS else ""

    def _find_tag(self) -> tuple[int, bool]:
        at = self._held.find(self.tag)
        if at >= 0:
            return at, True
        kept = overlap(self._held, self.tag)
        return (len(self._held) - kept, False) if kept else (-1, False)

    def _next_call(self) -> dict[str, Any] | None:
        name, end = self._find_name()
        if name is None:
            return None
        arguments, arguments_end = _find_arguments(name, self._held)
        if arguments is None:
            return None
        call = {"function": {"index": self._count, "name": name, "arguments": arguments}}
        self._count += 1
        self._held = self._held[max(end, arguments_end) :]
        return call

    def _find_name(self) -> tuple[str | None, int]:
        """The first name in the text, the longest of those that begin there; none while its end may still be open."""
        names = [tool["function"]["name"] for tool in self.tools]
        longest = max((len(name) for name in names), default=0)
        for length in range(1, min(len(self._held), longest) + 1):
            tail = self._held[-length:]
            if any(len(tail) < len(name) and name.startswith(tail) for name in names):
                return None, 0
        best: tuple[int, int, str] | None = None
        for name in names:
            at = self._held.find(name)
            if at >= 0 and (best is None or (at, -len(name)) < best[:2]):
                best = (at, -len(name), name)
        return (None, 0) if best is None else (best[2], best[0] + len(best[2]))


def _objects(text: str) -> list[tuple[int, int]]:
    """Start and end of every outermost pair of braces, strings respected."""
    found: list[tuple[int, int]] = []
    start, depth, in_string, escaped = -1, 0, False, False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"':
            in_string = not in_string
        elif in_string:
            continue
        elif char == "{":
            start = at if depth == 0 else start
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0 and start >= 0:
                found.append((start, at))
            depth = max(depth, 0)
    return found


def _find_arguments(name: str, text: str) -> tuple[dict[str, Any] | None, int]:
    for start, end in _objects(text):
        try:
            value = json.loads(text[start : end + 1])
        except ValueError:
            continue
        found, arguments = _arguments_in(name, value)
        if not found:
            return value, end
        return arguments, end
    return None, 0


def _arguments_in(name: str, value: dict[str, Any]) -> tuple[bool, dict[str, Any] | None]:
    """Whether the object, or one inside it, is a call, and its arguments (None: it has none)."""
    if "name" in value:
        for key in ("arguments", "parameters"):
            arguments = _as_object(value.get(key))
            if arguments is not None:
                return True, arguments
        return True, None
    arguments = _as_object(value.get(name))
    if arguments is not None:
        return True, arguments
    for item in value.values():
        for child in item if isinstance(item, list) else [item]:
            if isinstance(child, dict):
                found, arguments = _arguments_in(name, child)
                if found:
                    return True, arguments
    return False, None


def _as_object(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _balanced(text: str, opener: str) -> bool:
    depth, in_string, escaped = 0, False, False
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"':
            in_string = not in_string
        elif in_string:
            continue
        elif char == opener:
            depth += 1
        elif char == _OPENERS[opener]:
            depth -= 1
            if depth == 0:
                return True
    return False

"""What a model says. A voice turns a prompt into tokens; running out of tokens means that the model has ended.

`ScriptedVoice` says what a recorded model said, `EchoVoice` repeats the last thing it was told, `ContextVoice` all of
it, `ProseVoice` is the default: a few sensible sentences, the same for the same seed and prompt.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.host.speech.tokens import Tokenizer


@dataclass(frozen=True, slots=True)
class Asked:
    """What a voice may look at."""

    prompt: str
    tokens: tuple[int, ...]
    last_user: str
    """The text of the last message of the user, or the bare prompt."""
    seed: int
    schema: Any = None
    """A JSON schema (a dict), `json` for any JSON, or None; the text must comply."""
    tools: tuple[dict[str, Any], ...] = ()
    tool_tag: str = "{"


class Voice(Protocol):
    """Says something."""

    def say(self, asked: Asked, tokenizer: Tokenizer) -> Iterator[int]:
        """The tokens of the answer; the end of the iterator is the end of the text."""


@dataclass(frozen=True, slots=True)
class ScriptedVoice:
    """A model of the recorded world: its answer after the assistant's header, otherwise an endless chain of words."""

    answer: str | None
    """None: it has none and goes on with the chain."""
    header: str
    """The token after which the answer comes."""
    words: tuple[str, ...]

    def say(self, asked: Asked, tokenizer: Tokenizer) -> Iterator[int]:
        """The script, or the chain from wherever the prompt ends."""
        script = tokenizer.encode(self.answer) if self.answer is not None else []
        if asked.schema is not None and not _is_json(self.answer):
            # The sampler may only take what the grammar allows, and this model has nothing to say that it does.
            return itertools.chain(tokenizer.encode("{"), itertools.cycle(tokenizer.encode(" ")))
        header = tokenizer.encode(self.header)
        if script and asked.tokens[-len(header) :] == tuple(header):
            return iter(script)
        return self._chain(asked.tokens, script, tokenizer)

    def _chain(self, prompt: tuple[int, ...], script: list[int], tokenizer: Tokenizer) -> Iterator[int]:
        words = [tokenizer.encode(word)[0] for word in self.words]
        last = prompt[-1] if prompt else 0
        # Tokens outside the script lead to the words in turn.
        start = words.index(last) + 1 if last in words else last - sum(token < last for token in set(script))
        return itertools.islice(itertools.cycle(words), start % len(words), None)


def _is_json(text: str | None) -> bool:
    try:
        json.loads(text or "")
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class EchoVoice:
    """Says what the user said."""

    def say(self, asked: Asked, tokenizer: Tokenizer) -> Iterator[int]:
        """The last thing it was told; as a JSON string where JSON is asked for."""
        text = asked.last_user if asked.schema is None else json.dumps({"echo": asked.last_user}, ensure_ascii=False)
        return iter(tokenizer.encode(text))


@dataclass(frozen=True, slots=True)
class ContextVoice:
    """Says everything that it was given to read, so that one can see what a client sent."""

    def say(self, asked: Asked, tokenizer: Tokenizer) -> Iterator[int]:
        """The whole prompt, as the template made it."""
        return iter(tokenizer.encode(asked.prompt))


@dataclass(frozen=True, slots=True)
class FixedVoice:
    """Says the same text always; for tests."""

    text: str

    def say(self, asked: Asked, tokenizer: Tokenizer) -> Iterator[int]:  # noqa: ARG002 - it does not listen
        """The text."""
        return iter(tokenizer.encode(self.text))


_OPENINGS = (
    "Here is a short answer.",
    "In short, it depends on what you need.",
    "Good question.",
    "Let us take it step by step.",
    "That can be said in a few words.",
)
_MIDDLES = (
    "The main point is to start with the simplest case and check it.",
    "First look at what you already know, then at what has changed.",
    "Most of the time goes into moving data, not into computing.",
    "A small measurement is worth more than a long discussion.",
    "Each part can be tested by itself before they are put together.",
    "What is used often should stay close at hand.",
    "It helps to write down what you expect before you try it.",
    "Two of the three ways work well; the third is rarely worth it.",
)
_CLOSINGS = (
    "If that is not enough, ask for more detail.",
    "That should be all you need to begin.",
    "From there the rest follows.",
    "Try it and compare the result with your expectation.",
)
_MOST_SENTENCES = 5


@dataclass(frozen=True, slots=True)
class ProseVoice:
    """The default: a few sentences of plain English, drawn from the seed, the request's seed and the prompt."""

    seed: int

    def say(self, asked: Asked, tokenizer: Tokenizer) -> Iterator[int]:
        """Sentences; JSON where it is asked for; a tool call if the user names a tool."""
        key = hashlib.sha256(f"{self.seed}|{asked.seed}|{asked.prompt}".encode("utf-8", "replace")).digest()
        rng = random.Random(int.from_bytes(key[:8], "big"))
        return iter(tokenizer.encode(self._text(asked, rng)))

    @staticmethod
    def _text(asked: Asked, rng: random.Random) -> str:
        if asked.schema is not None:
            value = {"answer": rng.choice(_CLOSINGS)} if asked.schema == "json" else instance_of(asked.schema, rng)
            return json.dumps(value, ensure_ascii=False)
        call = _called_tool(asked)
        if call is not None:
            function = call["function"]
            parameters = {"type": "object", "properties": _plain_properties(function["parameters"]["properties"])}
            body = json.dumps({"name": function["name"], "arguments": instance_of(parameters, rng)}, ensure_ascii=False)
            if asked.tool_tag in {"{", "["}:
                return body
            closing = asked.tool_tag.replace("<", "</", 1) if asked.tool_tag.startswith("<") else ""
            return f"{asked.tool_tag}\n{body}\n{closing}"
        sentences = [
            rng.choice(_OPENINGS),
            *rng.sample(_MIDDLES, rng.randint(1, _MOST_SENTENCES)),
            rng.choice(_CLOSINGS),
        ]
        return " ".join(sentences)


def _called_tool(asked: Asked) -> dict[str, Any] | None:
    """The first tool of whose name the user used a word."""
    words = set(asked.last_user.lower().replace("?", " ").replace(".", " ").split())
    for tool in asked.tools:
        if words & set(tool["function"]["name"].lower().replace("-", "_").split("_")):
            return tool
    return None


def _plain_properties(properties: dict[str, Any] | None) -> dict[str, Any]:
    return {
        name: {"type": (item["type"] or ["string"])[0], "enum": item["enum"]}
        for name, item in (properties or {}).items()
    }


def instance_of(schema: Any, rng: random.Random) -> Any:  # noqa: PLR0911 - one line a keyword
    """A small value that complies with a JSON schema, as far as types, enums and properties go."""
    if not isinstance(schema, dict):
        return None
    if schema.get("enum"):
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return instance_of(schema[key][0], rng)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: instance_of(item, rng) for name, item in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [instance_of(schema.get("items", {}), rng) for _ in range(max(1, schema.get("minItems", 1)))]
    simple: dict[str, Any] = {
        "integer": rng.randint(1, 99),
        "number": rng.randint(1, 99) / 2,
        "boolean": True,
        "null": None,
    }
    return simple.get(kind, "value")

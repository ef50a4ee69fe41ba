"""What models say: the same for the same seed, in the form that is asked for; their tokens; their vectors."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.host.speech.speakers import named_voice
from toolkit.host.speech.tokens import ByteVocabulary, TokenRangeError, WholeWordTokenizer, WordTokenizer
from toolkit.host.speech.vectors import normalised, vector_of
from toolkit.host.speech.voice import Asked, ContextVoice, EchoVoice, FixedVoice, ProseVoice, ScriptedVoice, Voice

WORDS = WordTokenizer()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def said(voice: Voice, prompt: str = "p", last: str = "p", seed: int = -1, **more: Any) -> str:
    asked = Asked(prompt, tuple(WORDS.encode(prompt)), last, seed, **more)
    return WORDS.decode(list(itertools.islice(voice.say(asked, WORDS), 2000)))


def test_prose_hangs_on_the_seed_and_the_prompt() -> None:
    one = said(ProseVoice(1), "a")
    assert one == said(ProseVoice(1), "a")
    assert len({one, said(ProseVoice(2), "a"), said(ProseVoice(1), "b"), said(ProseVoice(1), "a", seed=5)}) == 4
    assert one.endswith(".")


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "count": {"type": "integer"},
        "size": {"enum": ["s", "m"]},
        "parts": {"type": "array", "items": {"type": "number"}, "minItems": 2},
        "either": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        "fixed": {"const": 7},
    },
}


def test_schemas_are_complied_with() -> None:
    value = json.loads(said(ProseVoice(1), schema=SCHEMA))
    assert list(value) == list(SCHEMA["properties"])
    assert isinstance(value["count"], int)
    assert value["size"] == "s"
    assert len(value["parts"]) == 2
    assert value["either"] is True
    assert value["fixed"] == 7
    assert isinstance(json.loads(said(ProseVoice(1), schema="json")), dict)


def test_a_tool_is_called_when_it_is_spoken_of() -> None:
    parameters = {"properties": {"city": {"type": ["string"], "enum": None}, "unit": {"type": None, "enum": ["C"]}}}
    tools = ({"type": "function", "function": {"name": "get_weather", "parameters": parameters}},)
    text = said(ProseVoice(1), last="What weather is it?", tools=tools, tool_tag="<tool_call>")
    assert text.startswith("<tool_call>\n{")
    assert text.endswith("</tool_call>")
    call = json.loads(text.removeprefix("<tool_call>").removesuffix("</tool_call>"))
    assert call["name"] == "get_weather"
    assert call["arguments"]["unit"] == "C"
    bare = said(ProseVoice(1), last="weather", tools=tools, tool_tag="{")
    assert json.loads(bare)["name"] == "get_weather"
    assert "tool_call" not in said(ProseVoice(1), last="Hello", tools=tools, tool_tag="<tool_call>")


def test_the_other_voices() -> None:
    assert said(EchoVoice(), last="what I said") == "what I said"
    assert json.loads(said(EchoVoice(), last='a "b"', schema="json")) == {"echo": 'a "b"'}
    assert said(FixedVoice("text")) == "text"
    assert said(named_voice("say:a:b", 0)) == "a:b"
    assert isinstance(named_voice("prose", 3), ProseVoice)
    assert isinstance(named_voice("echo", 3), EchoVoice)
    assert isinstance(named_voice("context", 3), ContextVoice)
    with pytest.raises(UsageError, match="use one of prose, echo, context or say:TEXT"):
        named_voice("loud", 0)


def test_a_script_is_said_after_the_header_only() -> None:
    vocabulary = ByteVocabulary.build(("<|im_start|>", "<|im_end|>", "assistant\n", "Hello", " one", " two"))
    voice = ScriptedVoice("Hello", "assistant\n", (" one", " two"))

    def text(prompt: str, count: int = 5) -> str:
        tokens = tuple(vocabulary.encode(prompt))
        asked = Asked(prompt, tokens, prompt, -1)
        return vocabulary.decode(list(itertools.islice(voice.say(asked, vocabulary), count)))

    assert text("x<|im_start|>assistant\n") == "Hello"
    assert text("so one") == " two one two one two"


# Tokens --------------------------------------------------------------------------------------------------------------


@given(TEXT)
def test_words_and_back(text: str) -> None:
    tokens = WORDS.encode(text)
    assert WORDS.decode(tokens) == text
    assert "".join(map(WORDS.piece, tokens)) == text


def test_about_four_characters_a_token() -> None:
    text = "The quick brown fox jumps over the lazy dog, and nobody knows why it would do so. " * 10
    assert 3.5 < len(text) / len(WORDS.encode(text)) < 5.5


@given(TEXT)
def test_bytes_and_merges_and_back(text: str) -> None:
    vocabulary = ByteVocabulary.build(("th", "the", "\u0120a", "<|end|>"))
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_merges_apply_in_their_order_and_whole_tokens_first() -> None:
    vocabulary = ByteVocabulary.build(("th", "the", "<|the|>"))
    assert vocabulary.encode("the<|the|>") == [257, 258]
    assert vocabulary.encode("t") == [ord("t")]
    with pytest.raises(TokenRangeError):
        vocabulary.decode([259])
    with pytest.raises(TokenRangeError):
        WORDS.decode([-1])


def test_whole_words() -> None:
    words = WholeWordTokenizer()
    assert [words.piece(token) for token in words.encode("Hello, wide  world_x!")] == [
        "hello", ",", "wide", "world", "_", "x", "!",
    ]  # fmt: skip
    assert words.decode(words.encode("the sky")) == "the sky"


# Vectors -------------------------------------------------------------------------------------------------------------


def cosine(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def test_vectors_of_like_texts_are_close() -> None:
    cat, dog, car = (vector_of(text, 64) for text in ("a red cat sleeps", "a red dog sleeps", "tax forms 2020"))
    assert vector_of("A red CAT  sleeps", 64) == cat
    assert cosine(cat, dog) > cosine(cat, car) + 0.3
    assert math.isclose(cosine(cat, cat), 1, rel_tol=1e-6)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20))
def test_normalised_vectors_have_length_one(values: list[float]) -> None:
    length = math.sqrt(sum(value * value for value in normalised(values)))
    assert math.isclose(length, 1, rel_tol=1e-5) or max(map(abs, values)) < 1e-11

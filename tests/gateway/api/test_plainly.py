"""What is taken without the validator is what the validator would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from toolkit.gateway.api.native import ChatBody, EmbedBody, GenerateBody
from toolkit.gateway.api.operations import OPERATIONS
from toolkit.gateway.api.plainly import surely_fits

if TYPE_CHECKING:
    from toolkit.gateway.api.fields import Shape

SHAPES = tuple(each.body for each in OPERATIONS if each.body is not None)
NUMBERS = st.integers() | st.sampled_from((0, 1, -1, 1 << 63, -(1 << 64), 10**400)) | st.floats(allow_nan=False)
PLAIN = st.none() | st.booleans() | NUMBERS | st.text(max_size=3) | st.sampled_from(("user", "\ud800", "10m"))
NAMES = (
    *("model", "messages", "options", "stream", "prompt", "role", "content", "tools", "function", "name", "tool_calls"),
    *("parameters", "arguments", "images", "num_ctx", "use_mmap", "stop", "keep_alive", "think", "format", "session"),
    *("request_key", "input", "context", "top_logprobs", "other"),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5)


@given(BODIES, st.sampled_from(SHAPES))
def test_the_validator_would_take_it(body: dict[str, Any], shape: type[Shape]) -> None:
    if surely_fits(body, shape):
        shape.model_validate(body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": [{"role": "user", "content": "hello"}]},
        {
            "model": "m",
            "messages": [{"role": "user", "content": "hello"}],
            "stream": True,
            "options": {"num_ctx": 4096},
        },
        {"messages": [], "options": {"temperature": 0.2, "seed": 1}, "tools": [{"type": "function", "function": {}}]},
        {"messages": [{"role": "assistant", "content": "", "tool_calls": [{"function": {"arguments": {"a": [1]}}}]}]},
    ],
)
def test_usual_bodies_need_no_validator(body: dict[str, Any]) -> None:
    assert surely_fits(body, ChatBody)


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        ({"messages": [{"role": 1}]}, ChatBody),
        ({"messages": {"role": "user"}}, ChatBody),
        ({"messages": ["hello"]}, ChatBody),
        ({"options": {"num_ctx": "4096"}}, ChatBody),
        ({"options": {"use_mmap": 1}}, ChatBody),
        ({"options": {"num_ctx": True}}, ChatBody),
        ({"stream": "false"}, GenerateBody),
        ({"prompt": 1}, GenerateBody),
        ({}, EmbedBody),
        ({"options": {"num_ctx": 10**400}}, ChatBody),
        ({"session": "//"}, ChatBody),
    ],
)
def test_what_does_not_fit_is_left_to_the_validator(body: dict[str, Any], shape: type[Shape]) -> None:
    assert not surely_fits(body, shape)
    with pytest.raises(ValidationError):
        shape.model_validate(body)

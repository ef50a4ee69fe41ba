"""Request bodies as Go's decoder reads them, and what it says about those that it cannot."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.host.app.goscan import EmptyBodyError, GoJsonError, NotPlainError, raw_member, read_exact, read_fast
from toolkit.host.app.gotypes import decode
from toolkit.host.app.schemas import CHAT, EMBED, GENERATE


def fault(schema: Any, body: str | bytes) -> str:
    with pytest.raises(GoJsonError) as error:
        decode(schema, body if isinstance(body, bytes) else body.encode())
    return str(error.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "unexpected EOF"),
        ('{"model"', "unexpected EOF"),
        ('{"model":"a",}', "invalid character '}' looking for beginning of object key string"),
        ("{'model'}", "invalid character '\\'' looking for beginning of object key string"),
        ('{"model" "a"}', "invalid character '\"' after object key"),
        ('{"model":"a" "b"}', "invalid character '\"' after object key:value pair"),
        ('["a" "b"]', "invalid character '\"' after array element"),
        ("nul", "unexpected EOF"),
        ("nulx", "invalid character 'x' in literal null (expecting 'l')"),
        ('{"model":tru1}', "invalid character '1' in literal true (expecting 'e')"),
        ('{"a":01}', "invalid character '1' after object key:value pair"),
        ('{"a":-}', "invalid character '}' in numeric literal"),
        ('{"a":1.}', "invalid character '}' after decimal point in numeric literal"),
        ('{"a":1e}', "invalid character '}' in exponent of numeric literal"),
        ('{"a":"\\x"}', "invalid character 'x' in string escape code"),
        ('{"a":"\\u12g4"}', "invalid character 'g' in \\u hexadecimal character escape"),
        ('{"a":"\n"}', "invalid character '\\n' in string literal"),
        ("hello", "invalid character 'h' looking for beginning of value"),
        ("\ufeff{}", "invalid character 'ï' looking for beginning of value"),
    ],
)
def test_syntax_errors(body: str, message: str) -> None:
    assert fault(GENERATE, body) == message


@pytest.mark.parametrize(
    ("schema", "body", "what", "field", "go_type"),
    [
        (GENERATE, '{"model": 1}', "number", "GenerateRequest.model", "string"),
        (GENERATE, '{"stream": "yes"}', "string", "GenerateRequest.stream", "bool"),
        (GENERATE, '{"context": [1.5]}', "number 1.5", "GenerateRequest.context", "int"),
        (GENERATE, '{"context": {}}', "object", "GenerateRequest.context", "[]int"),
        (CHAT, '{"messages": [{"role": 5}]}', "number", "ChatRequest.messages.role", "string"),
        (CHAT, '{"messages": 5}', "number", "ChatRequest.messages", "[]api.Message"),
    ],
)
def test_type_errors(schema: Any, body: str, what: str, field: str, go_type: str) -> None:
    assert fault(schema, body) == f"json: cannot unmarshal {what} into Go struct field {field} of type {go_type}"


def test_a_body_of_another_kind() -> None:
    assert fault(GENERATE, "[]") == "json: cannot unmarshal array into Go value of type api.GenerateRequest"


def test_an_empty_body_is_an_error_of_its_own() -> None:
    for body in (b"", b" \n\t"):
        with pytest.raises(EmptyBodyError):
            decode(GENERATE, body)


def test_null_leaves_the_zero_and_names_fold_their_case() -> None:
    assert decode(GENERATE, b"null")["model"] == ""
    assert decode(GENERATE, b'{"MODEL": "a", "prompt": null}') == {**decode(GENERATE, b"{}"), "model": "a"}
    assert decode(GENERATE, b'{"model": "a", "Model": "b"}')["model"] == "b", "the last one counts"


def test_what_follows_the_value_is_ignored() -> None:
    assert decode(GENERATE, b'{"model": "a"} and more')["model"] == "a"


def test_unknown_fields_are_ignored_whatever_they_hold() -> None:
    assert decode(EMBED, b'{"model": "a", "zzz": [{"deep": 1e999}]}')["model"] == "a"


def test_the_member_as_it_stood() -> None:
    body = b'{"format" : {"type":  "object"}, "model": "x"}'
    assert raw_member(body, "format") == '{"type":  "object"}'
    assert raw_member(body, "missing") is None


@given(st.sampled_from("[{"), st.text(alphabet='{}[]:," \\nul1.e-+u0aF\n', max_size=24))
def test_refused_or_read_as_python_reads_it(bracket: str, text: str) -> None:
    """Both readers agree with the standard library on what begins with a JSON object or array."""
    body = (bracket + text).encode()
    try:
        json.JSONDecoder().raw_decode(bracket + text)
    except ValueError:
        for read in (read_fast, read_exact):
            with pytest.raises((NotPlainError, GoJsonError)):
                read(body)
    else:
        read_exact(body)


@pytest.mark.parametrize(
    ("body", "message"), [("0.", "unexpected EOF"), ("1ex", "invalid character 'x' in exponent of numeric literal")]
)
def test_numbers_that_python_would_cut_short(body: str, message: str) -> None:
    assert fault(GENERATE, body) == message


@given(st.binary(max_size=40))
def test_no_bytes_bring_the_reader_down(body: bytes) -> None:
    with contextlib.suppress(GoJsonError):
        assert decode(CHAT, body).keys() == decode(CHAT, b"{}").keys()


def test_deep_nesting_has_an_end() -> None:
    assert fault(GENERATE, b'{"options":' + b"[" * 20_000) == "exceeded max depth"

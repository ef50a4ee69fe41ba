"""JSON as Go writes it."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.host.app.gojson import Float32, RawJson, dumps, encode, float32_text, float64_text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("<a href='x'>&", r'"\u003ca href=' + "'x'" + r'\u003e\u0026"'),
        ("\u2028 and \u2029", r'"\u2028 and \u2029"'),
        ("\x00\x1f\t\n\r\x08\x0c", r'"\u0000\u001f\t\n\r\b\f"'),
        ("ü 漢 🙂", '"ü 漢 🙂"'),
        ('"\\/', r'"\"\\/"'),
        ({"b": 1, "a": [True, None, ()]}, '{"b":1,"a":[true,null,[]]}'),
        (RawJson('{"as": "it is"}'), '{"as": "it is"}'),
    ],
)
def test_known_texts(value: Any, text: str) -> None:
    assert dumps(value) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0"), (1.0, "1"), (-0.5, "-0.5"), (1e20, "100000000000000000000"), (1e21, "1e+21"), (1e-6, "0.000001"),
     (1e-7, "1e-7"), (1.5e-10, "1.5e-10"), (123456789.125, "123456789.125"), (0.1 + 0.2, "0.30000000000000004")],
)  # fmt: skip
def test_numbers_of_64_bits(number: float, text: str) -> None:
    assert float64_text(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.1, "0.1"), (1 / 3, "0.33333334"), (16777216.0, "16777216"), (1e-7, "1e-7"), (0.045853097, "0.045853097")],
)
def test_numbers_of_32_bits_have_the_fewest_digits(number: float, text: str) -> None:
    assert float32_text(number) == text


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_32_bits_survive(number: float) -> None:
    read = float(float32_text(number))
    assert struct.pack("f", read) == struct.pack("f", number) or (read == 0 and number == 0)


@given(JSON)
def test_every_json_reader_understands_it(value: Any) -> None:
    def read(text: str) -> Any:  # a float may lose its point
        return json.loads(text, parse_int=float)

    assert read(dumps(value)) == read(json.dumps(value))


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="not a JSON value: set"):
        dumps({1})


def test_broken_surrogates_do_not_break_the_answer() -> None:
    assert json.loads(encode({"text": "a\ud800b"})) == {"text": "a?b"}
    assert dumps([Float32(math.pi)]) == "[3.1415927]"

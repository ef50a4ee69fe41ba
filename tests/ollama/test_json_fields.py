"""JSON from outside: strict on the fields that are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.ollama import json_fields
from toolkit.ollama.json_fields import WrongJsonError, load_object, text_field, time_field

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"[1]", "a JSON list stands where an object belongs"),
        (b"null", "a JSON null"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "limit"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
    ],
)
def test_what_is_not_one_json_object_is_said(data: bytes, why: str) -> None:
    with pytest.raises(WrongJsonError, match=why):
        load_object(data)


FIELDS: list[tuple[Callable[[dict[str, Any], str], object], object, list[Any]]] = [
    (json_fields.text_field, "", [1, True, [], {}]),
    (json_fields.count_field, None, ["1", True, 1.5, -1, []]),
    (json_fields.object_field, {}, ["x", 1, []]),
    (json_fields.objects_field, [], ["x", {}, [1], [None]]),
    (json_fields.texts_field, None, ["x", {}, [1]]),
    (json_fields.counts_field, None, ["x", {}, ["1"], [True], [1.5]]),
    (json_fields.time_field, None, [1, "yesterday", "2026-13-01T00:00:00Z", "2026-01-01 00:00:00Z"]),
]


@pytest.mark.parametrize(("read", "absent", "wrong"), FIELDS)
def test_absent_and_null_are_the_default_and_wrong_types_are_named(
    read: Callable[[dict[str, Any], str], object], absent: object, wrong: list[Any]
) -> None:
    assert read({}, "key") == absent
    assert read({"key": None}, "key") == absent
    for value in wrong:
        with pytest.raises(WrongJsonError, match="the field 'key' holds a JSON"):
            read({"key": value}, "key")


def test_a_flag_is_a_boolean() -> None:
    assert json_fields.flag_field({}, "done") is False
    for value in (None, 0, "true"):
        with pytest.raises(WrongJsonError, match="true or false"):
            json_fields.flag_field({"done": value}, "done")


@given(st.text(st.characters(codec=None), max_size=20))
def test_any_text_can_be_written_as_utf8(text: str) -> None:
    read = text_field({"t": text}, "t")
    read.encode()
    if text.isascii():
        assert read == text


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    assert text_field(load_object(rb'{"t": "a\ud83d!"}'), "t") == "a\N{REPLACEMENT CHARACTER}!"
    assert text_field(load_object(rb'{"t": "\ud83d\ude00"}'), "t") == "\U0001f600"


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda moment: moment.replace(microsecond=0)),  # noqa: DTZ001 - the zone is drawn apart
    st.integers(0, 999_999_999),
    st.integers(-840, 840),
)
def test_times_are_exact_to_the_nanosecond(moment: datetime, fraction_ns: int, zone_min: int) -> None:
    text = moment.isoformat()
    fraction = f".{fraction_ns:09d}".rstrip("0").rstrip(".")
    zone = f"{'-' if zone_min < 0 else '+'}{abs(zone_min) // 60:02d}:{abs(zone_min) % 60:02d}" if zone_min else "Z"
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=zone_min)))
    expected_ns = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) * 1_000_000_000 + fraction_ns
    assert time_field({"at": text + fraction + zone}, "at") == expected_ns


def test_a_time_that_was_never_set_is_absent() -> None:
    assert time_field({"at": "0001-01-01T00:00:00Z"}, "at") is None
    assert time_field({"at": ""}, "at") is None

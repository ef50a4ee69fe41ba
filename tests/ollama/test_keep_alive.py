"""keep_alive against the recorded answers of a real server, and what we send against what it reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.config.durations import FOREVER_NS, MAX_NS, NS_PER_S
from toolkit.ollama.keep_alive import (
    DEFAULT_NS,
    OVERFLOWED_NS,
    SERVER_FOREVER_NS,
    KeepAliveError,
    encode_keep_alive,
    parse_environment,
    parse_environment_duration,
    parse_keep_alive,
)

if TYPE_CHECKING:
    from pathlib import Path

M = 60 * NS_PER_S


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("null", None),
        ("0", 0),
        ("-0", 0),
        ("-0.0", 0),
        ("60", M),
        ("1.5", 1_500_000_000),
        ("1e2", 100 * NS_PER_S),
        ("1e-9", 1),
        ("1e-10", 0),
        ("-1", SERVER_FOREVER_NS),
        ("-0.5", SERVER_FOREVER_NS),
        ("-1e300", SERVER_FOREVER_NS),
        ("9223372036", 9_223_372_036 * NS_PER_S),
        ("9223372037", OVERFLOWED_NS),
        ("1e308", OVERFLOWED_NS),
        ("1" + "0" * 400, OVERFLOWED_NS),
        ('"30m"', 30 * M),
        ('"1h30m"', 90 * M),
        ('"1500ms"', 1_500_000_000),
        ('"1800000000001ns"', 1_800_000_000_001),
        ('"0"', 0),
        ('"-1s"', SERVER_FOREVER_NS),
        ('"+5m"', 5 * M),
        ('"9223372036854775807ns"', SERVER_FOREVER_NS),
    ],
)
def test_what_a_json_keep_alive_means(text: str, expected_ns: int | None) -> None:
    assert parse_keep_alive(json.loads(text)) == expected_ns


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("5", 'time: missing unit in duration "5"'),
        ("-1", 'time: missing unit in duration "-1"'),
        ("", 'time: invalid duration ""'),
        (" 5m", 'time: invalid duration " 5m"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        (True, "Unsupported type: 'bool'"),
        ([], "Unsupported type: '[]interface {}'"),
        ({"a": 1}, "Unsupported type: 'map[string]interface {}'"),
    ],
)
def test_what_the_server_refuses_in_its_words(value: object, message: str) -> None:
    with pytest.raises(KeepAliveError) as caught:
        parse_keep_alive(value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("", DEFAULT_NS),
        ("abc", DEFAULT_NS),
        ("5.5", DEFAULT_NS),
        ("10s", 10 * NS_PER_S),
        ("90", 90 * NS_PER_S),
        (" '90' ", 90 * NS_PER_S),
        ("0", 0),
        ("-1", SERVER_FOREVER_NS),
        ("-5m", SERVER_FOREVER_NS),
        ("9" * 30, DEFAULT_NS),
    ],
)
def test_the_servers_default_by_its_environment(text: str, expected_ns: int) -> None:
    assert parse_environment({"OLLAMA_KEEP_ALIVE": text}) == expected_ns


def test_an_unset_environment_gives_five_minutes_and_large_seconds_wrap_around() -> None:
    assert parse_environment({}) == DEFAULT_NS
    assert parse_environment_duration("18446744074") == 18_446_744_074 * NS_PER_S - (1 << 64)


@given(st.integers(0, MAX_NS))
def test_what_we_send_is_what_the_server_reads_to_the_nanosecond(keep_alive_ns: int) -> None:
    """Steering depends on it: priorities are durations that differ by single nanoseconds."""
    assert parse_keep_alive(json.loads(json.dumps(encode_keep_alive(keep_alive_ns)))) == keep_alive_ns


@given(st.integers(max_value=-1))
def test_negative_is_for_ever(keep_alive_ns: int) -> None:
    assert encode_keep_alive(keep_alive_ns) == FOREVER_NS
    assert parse_keep_alive(encode_keep_alive(keep_alive_ns)) == SERVER_FOREVER_NS


def test_what_is_sent_is_readable() -> None:
    assert [encode_keep_alive(ns) for ns in (0, 30 * M, 90 * M + 1, -5)] == [0, "30m", "1h30m1ns", -1]


def _recorded(shared_dir: Path, version: str) -> list[dict[str, Any]]:
    folder = shared_dir / "ollama" / "golden" / "http"
    path = folder / version / "keep_alive.json" if version else folder / "keep_alive.json"
    cases: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return [case for case in cases if "keep_alive" in json.loads(case["request"].get("body") or "{}")]


def _remaining_s(ps: dict[str, Any], model: str) -> float | None:
    """Seconds from the Date of the answer to the model's expiry; None if it is not loaded."""
    date = parsedate_to_datetime(dict(ps["headers"])["Date"])
    for row in json.loads(ps["body"])["models"]:
        if row["name"].startswith(model):
            expires = datetime.fromisoformat(row["expires_at"][:19]).replace(tzinfo=UTC)
            return (expires - date).total_seconds()
    return None


@pytest.mark.shared
@pytest.mark.parametrize("version", ["", "v0.24.0"])
def test_recorded_answers(shared_dir: Path, version: str) -> None:
    """Every recorded keep_alive: the same refusals word by word, and the lifetime that /api/ps then showed."""
    refused = lifetimes = 0
    for case in _recorded(shared_dir, version):
        body, response = json.loads(case["request"]["body"]), case["response"]
        if "cannot unmarshal" in response.get("body", ""):
            continue  # refused by the JSON decoder, before it is a keep_alive
        if response["status"] == 400:
            with pytest.raises(KeepAliveError) as caught:
                parse_keep_alive(body["keep_alive"])
            assert str(caught.value) == json.loads(response["body"])["error"], case["id"]
            refused += 1
            continue
        keep_alive_ns = parse_keep_alive(body["keep_alive"])
        assert keep_alive_ns is not None, case["id"]
        shown = [case[key] for key in case if key.startswith("ps_")]
        if not shown or case["id"].endswith("embeddings-neg1"):  # there /api/ps was asked before the end was handled
            continue
        remaining_s = _remaining_s(shown[0], body["model"])
        if keep_alive_ns <= 5_000_000:
            # A runner that is just ending may still be listed; half a second later it is gone.
            assert _remaining_s(shown[-1], body["model"]) is None, case["id"]
        elif keep_alive_ns == SERVER_FOREVER_NS:
            assert remaining_s is not None, case["id"]
            assert remaining_s > 9e9, case["id"]
        else:
            assert remaining_s == pytest.approx(keep_alive_ns / NS_PER_S, abs=2.1), case["id"]
        lifetimes += 1
    assert refused >= 10
    assert lifetimes >= 15

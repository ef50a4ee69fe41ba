"""The environment, read as leniently as the server reads it."""

from __future__ import annotations

import pytest

from toolkit.host.scheduler import FOREVER_NS, Settings

S = 1_000_000_000


def test_nothing_set() -> None:
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert (settings.max_queue, settings.num_parallel, settings.keep_alive_ns) == (512, 1, 300 * S)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("3", 3), ('"3"', 3), (" 3 ", 3), ("0", 0), ("-1", 512), ("+3", 512), ("x", 512), ("9" * 5000, 512), ("", 512)],
)
def test_counts(value: str, expected: int) -> None:
    assert Settings.from_environment({"OLLAMA_MAX_QUEUE": value}).max_queue == expected


@pytest.mark.parametrize(
    ("value", "expected_ns"),
    [
        ("10m", 600 * S),
        ("90", 90 * S),
        ("0", 0),
        ("-1", FOREVER_NS),
        ("-1s", FOREVER_NS),
        ("nonsense", 300 * S),
        ("1d", 300 * S),
        (" '2m' ", 120 * S),
        ("9223372037", FOREVER_NS),
    ],
)
def test_keep_alive(value: str, expected_ns: int) -> None:
    assert Settings.from_environment({"OLLAMA_KEEP_ALIVE": value}).keep_alive_ns == expected_ns


@pytest.mark.parametrize(
    ("value", "expected_ns"), [("0", FOREVER_NS), ("-1", FOREVER_NS), ("30s", 30 * S), ("", 300 * S)]
)
def test_load_timeout(value: str, expected_ns: int) -> None:
    assert Settings.from_environment({"OLLAMA_LOAD_TIMEOUT": value}).load_timeout_ns == expected_ns


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("0", False), ("false", False), ("yes", True), ("", None)]
)
def test_booleans(value: str, expected: bool | None) -> None:
    settings = Settings.from_environment({"OLLAMA_FLASH_ATTENTION": value, "OLLAMA_SCHED_SPREAD": value})
    assert settings.flash_attention is expected
    assert settings.spread is bool(expected)


def test_no_slots_means_one() -> None:
    assert Settings.from_environment({"OLLAMA_NUM_PARALLEL": "0"}).num_parallel == 1

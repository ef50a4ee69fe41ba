"""Observations are written and read as JSON lines; a wrong line is told by its number."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import InputError, UsageError
from toolkit.fit.observations import HostObservation, observation_line, parse_observations
from toolkit.fit.setting import Setting

SEEN = HostObservation(
    model="qwen2.5:7b",
    digest="2bada8a7",
    num_ctx=8192,
    size_vram_bytes=5_000_000_000,
    size_bytes=5_000_000_000,
    host="http://127.0.0.1:11434",
    server_version="0.32.15",
    observed_at="2026-11-28T01:02:03Z",
    context_length=8192,
)
LINE = json.loads(observation_line(SEEN))


@given(
    st.builds(
        replace,
        st.just(SEEN),
        model=st.text(min_size=1),
        num_ctx=st.integers(1, 1 << 20),
        parallel=st.integers(1, 64),
        batch=st.none() | st.integers(1, 4096),
        context_length=st.none() | st.integers(1, 1 << 20),
    )
)
def test_what_is_written_is_read_again(seen: HostObservation) -> None:
    assert parse_observations([observation_line(seen), "", "\n"], "x") == (seen,)


@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_any_other_line_is_refused_with_its_place(text: str) -> None:
    if text.strip():
        with pytest.raises(InputError, match=r"^f\.jsonl:1: "):
            parse_observations([text], "f.jsonl")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema is 2"),
        ({"nmu_ctx": 1}, "'nmu_ctx' is no key"),
        ({"num_ctx": "8192"}, "num_ctx is '8192', not of type int"),
        ({"num_ctx": True}, "num_ctx is True"),
        ({"batch": 1.5}, "batch is 1.5, not of type int or null"),
        ({"num_ctx": 0}, "num_ctx is 0"),
        ({"size_vram_bytes": 6_000_000_000}, "not between 0 and size_bytes"),
        ({"kv_type": "q3"}, "kv_type 'q3'"),
        ({"observed_at": "yesterday"}, "observed_at is 'yesterday'"),
        ({"model": ""}, "model is empty"),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_observations([json.dumps(LINE | change)], "f")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(InputError, match="digest is missing"):
        parse_observations([json.dumps({key: value for key, value in LINE.items() if key != "digest"})], "f")


def test_an_impossible_observation_cannot_be_made() -> None:
    with pytest.raises(UsageError, match="parallel is 0"):
        replace(SEEN, parallel=0)


def test_the_context_that_was_shown_counts_and_spilled_models_say_nothing() -> None:
    assert replace(SEEN, num_ctx=9000).setting(512) == Setting(8192)
    assert replace(SEEN, context_length=None, batch=1024).setting(512) == Setting(8192, batch=1024)
    assert SEEN.on_gpus_only
    assert not replace(SEEN, size_vram_bytes=1).on_gpus_only

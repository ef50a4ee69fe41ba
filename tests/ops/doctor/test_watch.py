"""The live view: looks in, states out; a table for a terminal and lines for a log."""

from __future__ import annotations

import io
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from toolkit.ollama.types import ModelDetails, RunningModel
from toolkit.ops.doctor.evidence import Look
from toolkit.ops.doctor.watch import MOST_EVENTS, Watched, step
from toolkit.ops.doctor.watch_view import expires, lines, summary, table

NS_PER_S = 1_000_000_000
GIB = 1 << 30
START_NS = 1_767_225_600 * NS_PER_S  # 2026-01-01 00:00:00 UTC
DETAILS = ModelDetails("gguf", "qwen2", ("qwen2",), "7.6B", "Q4_K_M")


def row(name: str, num_ctx: int = 4096, vram_gib: int = 4, left_s: float | None = 300) -> RunningModel:
    expires_ns = None if left_s is None else START_NS + round(left_s * NS_PER_S)
    return RunningModel(name, "ab" * 32, 4 * GIB, vram_gib * GIB, expires_ns, num_ctx, DETAILS)


def at(second: float, *rows: RunningModel) -> Look:
    return Look(round(second * NS_PER_S), START_NS + round(second * NS_PER_S), 1_000_000, rows)


def silent(second: float) -> Look:
    return Look(round(second * NS_PER_S), START_NS + round(second * NS_PER_S), 1_000_000, None, "no answer in 15 s")


def after(*looks: Look) -> Watched:
    state = Watched()
    for look in looks:
        state = step(state, look)
    return state


A, B = row("a:1b"), row("b:1b", vram_gib=2)
DAY = (at(0, A), at(1, A), at(2), at(3, B), at(4, replace(B, context_length=8192)), silent(5), silent(6), at(12, A))


def test_what_is_there_at_first_is_not_a_load() -> None:
    state = after(at(0, A))
    assert (state.rows, state.events, state.swaps_per_min) == ((A,), (), None)


def test_loads_reloads_departures_and_silences_are_told() -> None:
    state = after(*DAY)
    told = [(event.kind, event.model, event.context) for event in state.events]
    assert told == [
        ("left", "a:1b", None),
        ("loaded", "b:1b", 4096),
        ("reloaded", "b:1b", 8192),
        ("silent", "", None),
        ("back", "", None),
        ("left", "b:1b", None),
        ("loaded", "a:1b", 4096),
    ]
    assert state.looks == len(DAY)


def test_the_rate_is_of_the_last_minute() -> None:
    busy = after(*(at(second, A if second % 2 else B) for second in range(31)))
    assert busy.swaps_per_min == 60.0
    quiet = step(step(busy, at(70, B)), at(100, B))
    assert quiet.swaps_per_min == 0.0
    assert after(at(0, A), at(30, B)).swaps_per_min == 2.0


def test_few_events_are_remembered() -> None:
    assert len(after(*(at(second, A if second % 2 else B) for second in range(50))).events) == MOST_EVENTS


def test_a_log_has_a_line_for_each_change() -> None:
    state = Watched()
    log: list[str] = []
    for look in DAY:
        state = step(state, look)
        log += lines(state)
    assert log == [
        "00:00:00 in memory: a:1b (4.0 GiB, 100 % on GPU)",
        "00:00:02 a:1b left  [0 models, 0.0 GiB VRAM]",
        "00:00:03 b:1b loaded, num_ctx 4096  [1 model, 2.0 GiB VRAM]",
        "00:00:04 b:1b reloaded, num_ctx 8192 (num_ctx 4096 before)  [1 model, 2.0 GiB VRAM]",
        "00:00:05 no answer: no answer in 15 s",
        "00:00:12 answers again",
        "00:00:12 b:1b left  [1 model, 4.0 GiB VRAM, 15.0 swaps/min]",
        "00:00:12 a:1b loaded, num_ctx 4096  [1 model, 4.0 GiB VRAM, 15.0 swaps/min]",
    ]


def test_a_table_shows_memory_gpu_share_context_and_expiry() -> None:
    console = Console(file=io.StringIO(), width=100)
    console.print(table(after(at(0, A, B), at(1, A, B), at(2, B)), "http://127.0.0.1:11434"))
    console.print(table(after(at(0)), "http://127.0.0.1:11434"))
    text = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
    assert "b:1b" in text
    assert "50 %" in text
    assert "in 5 min" in text or "in 298 s" in text
    assert "00:00:02 a:1b left" in text
    assert "nothing is loaded" in text


def test_expiry_in_words() -> None:
    state = after(at(10))
    assert expires(state, row("x", left_s=None)) == "?"
    assert expires(state, row("x", left_s=5)) == "now or busy"
    assert expires(state, row("x", left_s=15)) == "in 5.0 s"
    assert expires(state, row("x", left_s=9_000_000_000)) == "never"


def test_a_silent_host_says_so() -> None:
    assert summary(after(at(0, A), silent(1))) == "1 model, 4.0 GiB VRAM, no answer now"


NAMES = st.frozensets(st.sampled_from(["a:1b", "b:1b", "c:1b"]))


@given(st.lists(st.none() | NAMES, max_size=30))
def test_the_state_is_the_last_answer_and_every_change_is_told_once(days: list[frozenset[str] | None]) -> None:
    looks = [silent(n) if names is None else at(n, *(row(name) for name in names)) for n, names in enumerate(days)]
    state, there = Watched(), None
    for look, names in zip(looks, days, strict=True):
        state = step(state, look)
        if names is None:
            continue
        if there is not None:
            assert {event.model for event in state.new if event.kind == "loaded"} == names - there
            assert {event.model for event in state.new if event.kind == "left"} == there - names
        there = names
        assert {row.name for row in state.rows} == names
    assert len(state.events) <= MOST_EVENTS
    assert state.looks == len(days)

"""The plain trace: what becomes of its lines, what is left out and said, and that it reads what is written."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.config.durations import NS_PER_S
from toolkit.errors import InputError
from toolkit.workload.traces import KeepOrDeal, guess_format, load_trace
from toolkit.workload.traces.logged import LoggedRequest, line_of

if TYPE_CHECKING:
    from toolkit.workload.plan import Plan

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "traces" / "plain.jsonl"
MODELS = KeepOrDeal((("dealt", 1.0),), {"primary": "qwen2.5:32b", "llama3:latest": "llama3:latest"})


def plan_of(path: Path) -> Plan:
    return load_trace(path, "jsonl", models=MODELS, seed=1)


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "trace.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_requests_keep_what_their_lines_say() -> None:
    plan = plan_of(FIXTURE)
    assert [request.at_ns for request in plan.requests] == [0, 211_532_692, 3 * NS_PER_S, 4 * NS_PER_S]
    first, second, refused, bare = plan.requests
    assert (first.model, first.session, first.prompt_tokens, first.output_tokens) == ("qwen2.5:7b", "a-1", 23, 5)
    assert (first.options, first.keep_alive_ns) == ((("num_ctx", 4096),), 600 * NS_PER_S)
    assert (second.shared_prefix_tokens, second.priority, second.text, second.system) == (
        28,
        2,
        "And then?",
        "Be brief.",
    )
    assert (refused.prompt_tokens, refused.output_tokens) == (5, 5)  # the median of its model's answers, the lower one
    assert (bare.model, bare.prompt_tokens, bare.output_tokens, bare.service_ns) == ("dealt", 1, 1, 1_500_000_000)


def test_what_is_not_played_is_said() -> None:
    notes = plan_of(FIXTURE).notes
    for sentence in (
        "Left out of the trace (1): calls that only load or unload a model, which is the strategy's part.",
        "Left out of the trace (1): embeddings, which are not played.",
        "Left out of the trace (1): requests that the server refused because they were wrong.",
        "Played with the median length of their model's answers, because they got none: 1 requests.",
        "Estimated tokens, because nobody counted them: 1 requests.",
        "The trace's own keep_alive is not played: the strategy decides it.",
        "1 requests name no model.",
    ):
        assert sentence in notes


def test_names_are_those_of_the_host(tmp_path: Path) -> None:
    lines = [
        f'{{"at_s":0,"model":"{name}","prompt_tokens":1,"output_tokens":1}}' for name in ("primary", "llama3", "x")
    ]
    assert [request.model for request in plan_of(written(tmp_path, *lines)).requests] == [
        *("qwen2.5:32b", "llama3:latest", "x")
    ]


def test_half_a_last_line_is_passed_over_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, '{"at_s":0,"prompt_tokens":1,"output_tokens":1}', '{"at_s":1,"prompt_tok')
    plan = plan_of(path)
    assert len(plan.requests) == 1
    assert "Left out of the trace (1): a last line that is not whole." in plan.notes


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "found '{'; each line of a jsonl trace is one JSON object"),
        ("[1]", "found [1]; each line of a jsonl trace is one JSON object"),
        ('{"prompt_tokens":1}', "a request has exactly one of at_ns (whole nanoseconds) and at_s (seconds)"),
        ('{"at_ns":1,"at_s":1}', "a request has exactly one of at_ns"),
        ('{"at_ns":1.5}', "at_ns: found 1.5; a whole number"),
        ('{"at_s":"soon"}', "at_s: found 'soon'; a number of seconds"),
        ('{"at_s":NaN}', "found '{\"at_s\":NaN}'; each line"),
        ('{"at_s":1,"prompt_tokens":-1}', "prompt_tokens: found -1; a whole number"),
        ('{"at_s":1,"model":7}', "model: found 7; a text"),
        ('{"at_s":1,"kind":"talk"}', "kind: found 'talk'; allowed: chat, generate"),
        ('{"at_s":1,"options":[1]}', "options: found [1]; an object"),
        ('{"at_s":1,"options":{"num_ctx":{}}}', "options.num_ctx: found {}; a number"),
        ('{"at_s":1,"keep_alive":"5"}', "keep_alive: found '5'; time: missing unit"),
        ('{"at_s":1,"priority":true}', "priority: found True; a whole number"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path, '{"at_s":0,"prompt_tokens":1,"output_tokens":1}', line, "")
    with pytest.raises(InputError) as caught:
        plan_of(path)
    assert str(caught.value).startswith(f"{path}:2: {message}")


def test_a_trace_without_anything_to_play_says_what_it_has(tmp_path: Path) -> None:
    path = written(tmp_path, '{"at_s":0,"kind":"load","model":"m"}')
    with pytest.raises(InputError, match=r":1: the trace has no requests to play\. Left out of the trace \(1\): calls"):
        plan_of(path)


SCALARS = st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
COUNTS = st.integers(0, 2**50)
REQUESTS = st.builds(
    LoggedRequest,
    at_ns=st.integers(0, 2**63),
    model=st.none() | st.text(min_size=1, max_size=8),
    session=st.none() | st.text(max_size=8),
    prompt_tokens=COUNTS,
    output_tokens=COUNTS,
    shared_prefix_tokens=st.none() | COUNTS,
    options=st.none() | st.dictionaries(st.text(min_size=1, max_size=5), SCALARS, max_size=3),
    keep_alive=st.none() | st.integers(-5, 10**9) | st.sampled_from(["5m", "-1s", "0"]),
    priority=st.none() | st.integers(-5, 5),
    text=st.none() | st.text(),
    system=st.none() | st.text(),
    service_ns=st.none() | COUNTS,
)


@given(logged=st.lists(REQUESTS, min_size=1, max_size=5))
def test_what_is_written_is_read(logged: list[LoggedRequest]) -> None:
    logged.sort(key=lambda request: request.at_ns)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trace"
        path.write_bytes(b"".join(line_of(request) for request in logged))
        assert guess_format(path) == "jsonl"
        read = plan_of(path).requests
    assert len(read) == len(logged)
    for one, other in zip(logged, read, strict=True):
        assert other.at_ns == one.at_ns - logged[0].at_ns
        assert (other.prompt_tokens, other.output_tokens) == (
            max(1, one.prompt_tokens or 0),
            max(1, one.output_tokens or 0),
        )
        assert other.model == (one.model or "dealt")
        assert (other.session, other.text, other.system) == (one.session, one.text or "", one.system)
        kept = {name: value for name, value in (one.options or {}).items() if name not in {"num_predict", "stop"}}
        assert dict(other.options) == kept
        assert (other.priority, other.service_ns) == (one.priority or 0, one.service_ns)

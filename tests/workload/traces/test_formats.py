"""Each format read from hand-made files: what becomes of a row, and how a wrong one is named."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.config.durations import NS_PER_S
from toolkit.errors import InputError
from toolkit.workload.traces import FORMATS, KeepNames, ModelMap, SeededMix, guess_format, load_trace

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "traces"
FILES = {"azure": "azure.csv", "mooncake": "mooncake.jsonl", "alibaba-genai": "alibaba_genai.csv"}
FILES |= {"burstgpt": "burstgpt.csv", "jsonl": "plain.jsonl", "client-mix": "clients.yaml"}
ONE = SeededMix((("m", 1.0),))


def complaint(tmp_path: Path, content: bytes | str, kind: str, models: ModelMap = ONE) -> str:
    """The message about a file of this content, without the folder."""
    path = tmp_path / "trace"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        load_trace(path, kind, models=models, seed=1)
    return str(caught.value).removeprefix(f"{tmp_path}/")


def test_every_format_has_a_fixture() -> None:
    assert tuple(FILES) == FORMATS


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_tells_its_format(kind: str) -> None:
    assert guess_format(FIXTURES / FILES[kind]) == kind


def test_azure_rows_keep_their_seven_digits() -> None:
    plan = load_trace(FIXTURES / "azure.csv", "azure", models=ONE, seed=1)
    assert [request.at_ns for request in plan.requests] == [0, 4_314_579_100, 13_319_410_000]
    assert [(request.prompt_tokens, request.output_tokens) for request in plan.requests] == [
        (374, 44),
        (396, 109),
        (1, 1),
    ]
    assert [request.id for request in plan.requests] == ["line2", "line3", "line4"]
    assert {(request.model, request.session, request.text, request.service_ns) for request in plan.requests} == {
        ("m", None, "", None)
    }


def test_mooncake_conversations_are_found_by_their_blocks() -> None:
    """Block 0 begins every request and proves nothing; a session goes on where all of its full blocks come again."""
    plan = load_trace(FIXTURES / "mooncake.jsonl", "mooncake", models=ONE, seed=1)
    assert [request.session for request in plan.requests] == [
        "s00001",
        "s00002",
        "s00001",
        "s00004",
        "s00001",
        "s00001",
    ]
    assert [request.shared_prefix_tokens for request in plan.requests] == [0, 0, 1024, 0, 2048, 2048]
    assert plan.requests[4].at_ns == 9 * NS_PER_S
    assert plan.requests[4].id == "line6"


def test_alibaba_rows_count_whatever_their_status_and_an_empty_model_is_a_model() -> None:
    plan = load_trace(FIXTURES / "alibaba_genai.csv", "alibaba-genai", models=KeepNames(), seed=1)
    assert [request.model for request in plan.requests] == ["M5", "M6", "M5", "(unnamed)", "M8", "M5"]
    assert [request.at_ns for request in plan.requests] == [each * NS_PER_S for each in (0, 20, 20, 60, 150, 240)]
    assert [request.service_ns for request in plan.requests] == [
        *(30 * NS_PER_S, 12 * NS_PER_S, 3_500_000_000, None, 21 * NS_PER_S, 40 * NS_PER_S)
    ]
    assert [request.output_tokens for request in plan.requests] == [600, 240, 70, 1, 420, 800]
    assert [request.prompt_tokens for request in plan.requests] == [20, 28, 28, 4, 7, 4]
    assert plan.requests[3].session == "G9"


def test_burstgpt_rows_that_failed_are_left_out_and_counted() -> None:
    plan = load_trace(FIXTURES / "burstgpt.csv", "burstgpt", models=KeepNames(), seed=1)
    assert [request.at_ns for request in plan.requests] == [0, 37 * NS_PER_S, 37_500_000_000, 897 * NS_PER_S]
    assert [request.model for request in plan.requests] == ["ChatGPT", "ChatGPT", "GPT-4", "ChatGPT"]
    assert [(request.prompt_tokens, request.output_tokens) for request in plan.requests] == [
        *((310, 21), (1002, 200), (415, 270), (12, 9))
    ]
    assert "1 requests of the trace failed (0 response tokens): left out." in plan.notes
    assert "1 of 4 requests came from programs (API log), the others from conversations." in plan.notes


def test_later_burstgpt_files_have_sessions_in_another_order_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "later.csv"
    header = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type"
    path.write_text(f"{header}\n0,s1,1.5,GPT-4,100,10,110,Conversation log\n9,,1,GPT-4,100,10,110,API log\n")
    assert guess_format(path) == "burstgpt"
    plan = load_trace(path, "burstgpt", models=KeepNames(), seed=1)
    assert [request.session for request in plan.requests] == ["s1", None]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_do_not_matter(tmp_path: Path, kind: str, end: str, mark: str) -> None:
    original = FIXTURES / FILES[kind]
    copy = tmp_path / original.name
    copy.write_bytes((mark + end.join(original.read_text().splitlines()) + end).encode())
    one, other = (load_trace(path, kind, models=ONE, seed=1).requests for path in (original, copy))
    assert one == other


AZURE_HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
AZURE_ROW = "2023-11-16 18:15:46.6805900,374,44\n"
ALIBABA_HEADER = "gmt_create,exec_time_seconds,groupId,prompt_length,checkpoint_model_version_id"
NOBODY = """duration: 1s
clients:
- {name: a, start: 2s, arrivals: {kind: constant, rate: 1/s}, prompt_tokens: 1, output_tokens: 1}
"""
BURST_HEADER = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
MOON_ROW = '{"timestamp": 0, "input_length": 600, "output_length": 20, "hash_ids": [0, 1]}\n'


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        (
            "azure",
            AZURE_HEADER + AZURE_ROW + "2023-11-16 18:15:50,39x,1\n",
            "3: ContextTokens: found '39x'; a whole number",
        ),
        (
            "azure",
            AZURE_HEADER + AZURE_ROW + "2023-11-16 18:15:50,-3,1\n",
            "3: ContextTokens: found '-3'; a whole number",
        ),
        (
            "azure",
            AZURE_HEADER + "16/11/2023 18:15,3,1\n",
            "2: TIMESTAMP: found '16/11/2023 18:15'; a moment is written",
        ),
        (
            "azure",
            AZURE_HEADER + "2023-02-30 18:15:00,3,1\n",
            "2: TIMESTAMP: found '2023-02-30 18:15:00'; there is no such",
        ),
        ("azure", AZURE_HEADER + AZURE_ROW + "2023-11-16 18:1", "3: found 1 fields; the header has 3"),
        ("azure", AZURE_HEADER + '2023-11-16 18:15:50,"3,1\n', "2: not a line of a CSV file"),
        ("azure", AZURE_HEADER, "1: the trace is a header and nothing below it; it needs at least one line"),
        ("alibaba-genai", ALIBABA_HEADER + "\n", "1: the trace is a header and nothing below it; it needs"),
        ("burstgpt", BURST_HEADER, "1: the trace is a header and nothing below it; it needs at least one line"),
        ("client-mix", NOBODY, "1: duration: no client asks anything within it; give a longer one, or higher rates"),
        ("azure", "", "1: the trace is empty"),
        ("azure", "\n \n", "1: the trace is empty"),
        ("azure", MOON_ROW, "1: not a trace of the format azure: this looks like mooncake; use --format mooncake"),
        ("mooncake", AZURE_HEADER, "1: not a trace of the format mooncake: this looks like azure; use --format azure"),
        (
            "azure",
            "a,b\n1,2\n",
            "1: not a trace of the format azure: found 'a,b'; it has TIMESTAMP, ContextTokens, GeneratedTokens (docs",
        ),
        ("client-mix", "a,b\n", "1: not a trace of the format client-mix: found 'a,b'; it has duration, clients (docs"),
        (
            "azure",
            "TIMESTAMP,ContextTokens\n",
            "1: nearly a trace of the format azure (docs/traces.md), but the column Gen",
        ),
        ("azure", b"TIMESTAMP\n\n\xff\xfe", "3: found bytes that are not UTF-8 text"),
        ("alibaba-genai", "gmt_create,checkpoint_model_version_id\n", "1: the column exec_time_seconds is missing"),
        ("burstgpt", BURST_HEADER + "1,GPT-4,1,x,2,API log\n", "2: Response tokens: found 'x'; a whole number"),
        ("burstgpt", BURST_HEADER + "-1,GPT-4,1,1,2,API log\n", "2: Timestamp: found '-1'; a number"),
        ("burstgpt", BURST_HEADER + "1,GPT-4,1,0,1,API log\n", "1: the trace has no requests to play. 1 requests of"),
        ("mooncake", MOON_ROW + "{\n", "2: found '{'; each line of a mooncake trace is one JSON object"),
        ("mooncake", MOON_ROW + "[1]\n", "2: found [1]; each line of a mooncake trace is one JSON object"),
        ("mooncake", MOON_ROW + MOON_ROW.replace("600", "6.5"), "2: input_length: found 6.5; a whole number"),
        ("mooncake", MOON_ROW + MOON_ROW.replace("600", "true"), "2: input_length: found True; a whole number"),
        ("mooncake", MOON_ROW + MOON_ROW.replace("[0, 1]", "7"), "2: hash_ids: found 7; a list of whole numbers"),
        ("mooncake", MOON_ROW + MOON_ROW.replace("output_length", "out"), "2: the key output_length is missing"),
    ],
)
def test_a_broken_trace_is_named_by_line(tmp_path: Path, kind: str, content: str, message: str) -> None:
    found = complaint(tmp_path, content, kind)
    assert found.startswith(f"trace:{message}")
    assert "\n" not in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "not a trace of a known format: found 'a,b'; formats: azure, mooncake, alibaba-genai, burstgpt"),
        ('{"a": 1}\n', "not a trace of a known format: found '{"),
        ("{" * 100, "not a trace of a known format: found '{"),
        (
            "TIMESTAMP,ContextTokens\n",
            "nearly a trace of the format azure (docs/traces.md), but the column GeneratedTokens",
        ),
        (
            "gmt_create,groupId\n",
            "nearly a trace of the format alibaba-genai (docs/traces.md), but the columns exec_time_",
        ),
        (
            "Timestamp,Model\n1,a\n",
            "nearly a trace of the format burstgpt (docs/traces.md), but the columns Request tok",
        ),
        (
            '{"timestamp": 1, "output_length": 2}\n',
            "nearly a trace of the format mooncake (docs/traces.md), but the keys ",
        ),
        (
            '{"at": 1, "prompt_tokens": 1, "output_tokens": 1}\n',
            "nearly a trace of the format jsonl (docs/traces.md), but t",
        ),
        ("name: a\narrivals: {}\n", "this is a scenario, not a trace; `hotswap compare "),
        ("llm: {}\n", "this is a config, not a trace; `hotswap config check "),
    ],
)
def test_a_file_of_no_known_format_is_said_to_be_what_it_is(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "trace"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        guess_format(path)
    assert str(caught.value).startswith(f"{path}:1: {message}")


@pytest.mark.parametrize("kind", FORMATS)
@given(place=st.integers(0, 2000), junk=st.binary(min_size=0, max_size=6), cut=st.integers(0, 20))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(kind: str, place: int, junk: bytes, cut: int) -> None:
    data = (FIXTURES / FILES[kind]).read_bytes()
    place %= len(data) + 1
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trace"
        path.write_bytes(data[:place] + junk + data[place + cut :])
        try:
            plan = load_trace(path, kind, models=ONE, seed=1)
        except InputError as error:
            outcome = str(error).removeprefix(str(path))
        else:
            outcome = f":{len(plan.requests)}: requests"
        assert re.match(r":[1-9][0-9]*: .", outcome)


@pytest.mark.parametrize("field", ["nan", "inf", "-1", "soon", "1e99"])
def test_a_service_time_must_be_a_time(tmp_path: Path, field: str) -> None:
    lines = (FIXTURES / "alibaba_genai.csv").read_text().replace("12.0,G8", f"{field},G8")
    assert complaint(tmp_path, lines, "alibaba-genai").startswith(
        f"trace:3: exec_time_seconds: found {field!r}; a number"
    )


def test_a_missing_file_and_an_unknown_format_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the trace: no such file"):
        load_trace(tmp_path / "nowhere", "azure", models=ONE, seed=1)
    with pytest.raises(InputError, match=r"unknown trace format 'alibaba'; allowed: .*; did you mean 'alibaba-genai'"):
        load_trace(tmp_path / "nowhere", "alibaba", models=ONE, seed=1)

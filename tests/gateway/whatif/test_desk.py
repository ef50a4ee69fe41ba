"""The desk with a program in the place of `hotswap compare`: what it is given, and every way in which it can end."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.gateway.refusal import Refusal
from toolkit.gateway.whatif.desk import Desk, Means
from toolkit.gateway.whatif.question import Question, Queue

if TYPE_CHECKING:
    from pathlib import Path

ASKED = Question(("ram", "lru"), "7d")
QUEUE = Queue(60_000_000_000, 2)
RESULTS = {
    "verdict": "lru+shadow(bound=1m,parallel=2) halves the swaps.",
    "complete": True,
    "leaders": ["lru+shadow(bound=1m,parallel=2)"],
    "optimum": {"hit_rate": 0.9},
    "notes": ["a note"],
    "strategies": {
        f"{name}+shadow(bound=1m,parallel=2)": {
            "requests": 9, "answered": answered, "hit_rate": 0.5, "swaps": 4,
            "wait_s": {"mean": 1.5, "p95": None} if answered else None,
        }
        for name, answered in (("ram", 0), ("lru", 9))
    },
}  # fmt: skip
FINE = f"""
import sys
out = next(each.partition("=")[2] for each in sys.argv if each.startswith("--out="))
open(out + "/index.html", "w").write("the page of " + " ".join(sys.argv[1:]))
print("a note", file=sys.stderr)
for done in (0, 9, 18):
    print("progress", done, 18, file=sys.stderr)
print({json.dumps(json.dumps(RESULTS))})
"""
ENDLESS = """
import pathlib, os, sys, time
pathlib.Path({!r}).write_text(str(os.getpid()))
time.sleep(600)
"""


def desk_for(program: str, *caveats: str) -> Desk:
    return Desk(Means((sys.executable, "-c", program), _TRACE, "ram", QUEUE, caveats))


_TRACE: Any = "trace.jsonl"


async def ended(desk: Desk) -> dict[str, Any]:
    await desk.over()
    return desk.as_json()


def written(path: Path) -> str:
    while not path.exists() or not path.read_text(encoding="utf-8"):
        time.sleep(0.01)
    return path.read_text(encoding="utf-8")


async def test_an_answer_is_a_sentence_rows_and_a_report() -> None:
    desk = desk_for(FINE, "not your host")
    assert desk.as_json()["state"] == "idle"
    desk.ask(ASKED)
    done = await ended(desk)
    assert (done["state"], done["answered"], done["of"]) == ("done", 18, 18)
    assert done["result"]["verdict"] == "lru halves the swaps."
    assert done["result"]["notes"] == ["not your host", "a note"]
    ram, lru = done["result"]["rows"]
    assert (ram["strategy"], ram["in_use"], ram["best"], ram["wait_mean_s"]) == ("ram", True, False, None)
    assert (lru["strategy"], lru["best"], lru["wait_mean_s"], lru["wait_p95_s"]) == ("lru", True, 1.5, None)
    report = desk.report(done["report"].partition("/")[2])
    said = report.read_text(encoding="utf-8")
    for option in ("--trace=trace.jsonl", "--format=jsonl", "--since=7d", "--strategies=ram,lru", "--no-store"):
        assert option in said
    assert "--host" not in said
    await desk.aclose()
    assert not report.exists()


async def test_a_report_is_given_to_those_who_know_its_name_until_the_next_one() -> None:
    desk = desk_for(FINE)
    desk.ask(ASKED)
    token = (await ended(desk))["report"].partition("/")[2]
    for wrong in ("", "x", token[:-1], token + "x", "é"):
        with pytest.raises(Refusal, match="no such report"):
            desk.report(wrong)
    desk.ask(ASKED)
    with pytest.raises(Refusal, match="no such report"):
        desk.report(token)
    assert (await ended(desk))["report"].partition("/")[2] != token
    await desk.aclose()


async def test_one_at_a_time_and_cancelled_is_ended(tmp_path: Path) -> None:
    desk = desk_for(ENDLESS.format(str(tmp_path / "pid")))
    desk.ask(ASKED)
    with pytest.raises(Refusal, match="a comparison is under way") as refused:
        desk.ask(ASKED)
    assert refused.value.why.status == 409
    process = int(await asyncio.to_thread(written, tmp_path / "pid"))
    await desk.cancel()
    assert desk.as_json()["state"] == "cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    await desk.cancel()  # nothing is under way
    await desk.aclose()


async def test_cancelled_before_it_began_is_cancelled_too() -> None:
    desk = desk_for(FINE)
    desk.ask(ASKED)
    await desk.cancel()
    assert desk.as_json()["state"] == "cancelled"
    await desk.aclose()


async def test_the_end_of_the_gateway_ends_it(tmp_path: Path) -> None:
    desk = desk_for(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + ENDLESS.format(str(tmp_path / "p"))
    )
    desk.ask(ASKED)
    process = int(await asyncio.to_thread(written, tmp_path / "p"))
    await desk.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert desk.as_json()["state"] == "idle"


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import sys; print('x: 1\\ny: the trace is empty', file=sys.stderr); sys.exit(2)", "y: the trace is empty"),
        ("raise MemoryError", "it needed more than 4 GiB of memory"),
        ("import os; os.kill(os.getpid(), 9)", "it needed more than 4 GiB of memory, or the system ended it"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "it used more than 600 s of the processor"),
        ("import sys; sys.exit(1)", "it said nothing"),
        ("print('{}')", "something else than its results"),
        ("print('no json')", "something else than its results"),
    ],
)
async def test_what_goes_wrong_is_said(program: str, why: str) -> None:
    desk = desk_for(program)
    desk.ask(ASKED)
    done = await ended(desk)
    assert done["state"] == "failed"
    assert why in done["why"]
    assert (done["result"], done["report"]) == (None, None)
    await desk.aclose()


async def test_a_program_that_is_not_there_is_said() -> None:
    desk = Desk(Means(("/no/such/program",), _TRACE, "ram", QUEUE))
    desk.ask(ASKED)
    assert "could not be started: No such file" in (await ended(desk))["why"]
    await desk.aclose()


async def test_without_a_trace_there_is_nothing_to_ask() -> None:
    desk = Desk(None)
    assert desk.as_json()["state"] == "off"
    with pytest.raises(Refusal, match="writes no trace"):
        desk.ask(ASKED)
    with pytest.raises(Refusal, match="writes no trace"):
        _ = desk.in_use
    await desk.aclose()


def test_the_process_limits_itself_and_ends_when_its_gateway_is_gone() -> None:
    """Killed, too: what the gateway held open is closed by the system."""
    program = (
        "from toolkit.gateway.whatif.bounded import bound; bound(); import os, resource, time;"
        "print(os.nice(0), resource.getrlimit(resource.RLIMIT_AS)[0], flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        nice, memory = map(int, process.stdout.readline().split())
        assert nice >= min(os.nice(0) + 15, 19)
        assert 0 < memory <= 4 << 30
        process.stdin.close()
        assert process.wait(timeout=30) == 1

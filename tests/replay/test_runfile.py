"""A run comes back from disk as it was, however it ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from toolkit.errors import InputError
from toolkit.replay.records import ClientHealth, Provenance, RequestRecord, ResidencySpan, Run
from toolkit.replay.runfile import RUN_FILE, read_run, write_run

if TYPE_CHECKING:
    from pathlib import Path

PROVENANCE = Provenance(
    "1", "twin", "0.32", "v0.32", (("a", "d" * 64),), (("num_ctx", "4096"),), (), "gpu", "day", "0", 1, 1, None, ("n",)
)
RECORD = RequestRecord(
    id="1", session=None, intended_ns=5, sent_ns=6, ready_ns=7, first_token_ns=8, done_ns=9, model_asked=None,
    model="modèle", label=None, reason="default", rule=None, keep_alive_ns=-1, unloaded_before=("b",),
    preloaded_after=(), temperature="cold", queue_ns=0, evict_ns=None, load_ns=1, slot_ns=0, prefill_ns=1, decode_ns=1,
    server_load_ns=1, prompt_tokens=10, output_tokens=10, evicted=(), outcome="ok", error=None,
)  # fmt: skip
SPAN = ResidencySpan("modèle", 6, 7, None, None, 1, 2, None)
STREAMED = replace(RECORD, id="2", phase="warmup", token_ns=(8, 9), prompt_cached=True, deadline_ns=30)
HEALTH = ClientHealth(1, 2, 3, 4, 0.5, 6, ("the event loop was late",))
RUN = Run("ram", 2, (RECORD, STREAMED), (SPAN,), 20, complete=True, provenance=PROVENANCE, client=HEALTH)


def test_a_run_survives_a_round_trip(tmp_path: Path) -> None:
    write_run(RUN, tmp_path / "deep" / "run")
    assert read_run(tmp_path / "deep" / "run") == RUN


def test_a_run_that_was_cut_short_keeps_what_was_measured(tmp_path: Path) -> None:
    path = write_run(RUN, tmp_path)
    whole = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join(whole[:2]) + "\n" + whole[2][:30], encoding="utf-8")
    run = read_run(path)
    assert (run.complete, run.records, run.end_ns) == (False, (RECORD,), 9)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ":1: this is not a run"),
        ('{"kind": "request"}\n', ":1: this is not a run"),
        ('{"kind": "run", "schema": 9}\n', "schema 9"),
        ("nonsense\n{}\n", ":1: not a JSON object"),
    ],
)
def test_what_is_not_a_run_is_refused_by_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / RUN_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        read_run(tmp_path)


def test_a_damaged_middle_is_named(tmp_path: Path) -> None:
    path = write_run(RUN, tmp_path)
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[2] = '{"kind": "request", "id": "x"}'
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=r"run\.jsonl:3: not a request"):
        read_run(path)


def test_a_missing_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a readable run"):
        read_run(tmp_path / "nowhere")

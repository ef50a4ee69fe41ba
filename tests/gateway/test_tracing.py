"""What the gateway writes down is what `hotswap compare --trace` reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import ollama

from tests.gateway.conftest import MODELS, running
from toolkit.workload.traces.jsonl import read
from toolkit.workload.traces.rows import TraceText

if TYPE_CHECKING:
    from pathlib import Path


def test_the_trace_of_a_gateway_is_played_again(tmp_path: Path) -> None:
    config, trace = tmp_path / "config.yaml", tmp_path / "new" / "trace.jsonl"
    config.write_text(f"{MODELS}gateway:\n  sessions: {{file: null}}\n", encoding="utf-8")
    twin = ("twin", "serve", "--config", str(config), "--time-scale", "0.001")
    with (
        running(tmp_path / "twin", *twin) as host_url,
        running(
            tmp_path / "ready", "serve", "--config", str(config), "--host", host_url, "--trace-out", str(trace)
        ) as url,
        ollama.Client(host=url, trust_env=False) as client,
    ):
        said = [{"role": "user", "content": "A secret word."}]
        first = client.chat("auto", said)
        said += [{"role": "assistant", "content": first.message.content or ""}, {"role": "user", "content": "And now?"}]
        client.chat("talker:7b", said, options={"num_ctx": 4096})
        client.generate("talker:7b", keep_alive=0)
    rows = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]
    assert [(row["kind"], row["model"]) for row in rows] == [
        ("chat", "quick:1b"),
        ("chat", "talker:7b"),
        ("unload", "talker:7b"),
    ]
    assert rows[0]["session"] == rows[1]["session"]
    assert rows[1]["shared_prefix_tokens"] == rows[0]["prompt_tokens"] + rows[0]["output_tokens"]
    assert rows[1]["options"] == {"num_ctx": 4096}
    assert (rows[0]["cold"], rows[0]["outcome"]) == (True, "ok")
    assert "secret" not in trace.read_text(encoding="utf-8")
    assert trace.stat().st_mode & 0o077 == 0
    played, notes = read(TraceText(str(trace), trace.read_text(encoding="utf-8"), ""))
    assert [row.model for row in played] == ["quick:1b", "talker:7b"]
    assert notes

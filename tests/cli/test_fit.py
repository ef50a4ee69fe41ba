"""`hotswap fit`: parse, call, render."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from toolkit.cli.fit import fit
from toolkit.errors import UsageError
from toolkit.fit.catalogue import published
from toolkit.fit.estimate import estimate
from toolkit.fit.observations import HostObservation, observation_line
from toolkit.fit.setting import Setting
from toolkit.fit.spec import spec_of

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> str:
    return CliRunner().invoke(fit, [*arguments, "--quiet"], catch_exceptions=False).stdout


def test_a_name_and_a_gpu() -> None:
    text = run("qwen2.5:32b", "--gpu", "rtx4090", "--num-ctx", "32768")
    assert "spills 10 layers" in text
    assert "KV cache in q8_0" in text


def test_the_models_of_a_config_on_its_own_gpus(project_dir: Path) -> None:
    text = run("--config", str(project_dir / "config/ollama-vm.yaml"))
    assert all(name in text for name in ("qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b"))
    assert "24.0 GiB" in text


def test_a_picture_is_written_beside_the_text(tmp_path: Path) -> None:
    run("qwen2.5:7b", "gemma3:4b", "--gpu", "24GiB", "--picture", str(tmp_path / "fit.svg"))
    assert "stay together" in (tmp_path / "fit.svg").read_text()
    with pytest.raises(UsageError, match="cannot be written"):
        run("qwen2.5:7b", "--gpu", "24GiB", "--picture", str(tmp_path))


def test_json_is_all_that_stands_on_stdout() -> None:
    value = json.loads(run("qwen2.5:7b", "--gpu", "24GiB", "--json"))
    assert value["contexts"][0]["models"][0]["name"] == "qwen2.5:7b"


def test_cases_are_answered_line_by_line(tmp_path: Path, project_dir: Path) -> None:
    model = project_dir / "tests/fixtures/fit/tiny-llama.gguf"
    case = {"gguf": str(model), "file_size": 7_000_000, "device": "cpu", "num_ctx": 4096, "parallel": 1, "batch": 512}
    cases = tmp_path / "cases.jsonl"
    cases.write_text(f"{json.dumps(case)}\n{json.dumps({**case, 'device': 'cuda'})}\n")
    first, second = (json.loads(line) for line in run("--cases", str(cases), "--json").splitlines())
    assert (first["gpu_total_bytes"], second["gpu_total_bytes"] > 0) == (0, True)
    assert first["context_bytes"] == second["context_bytes"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nobody:1b", "--gpu", "24GiB"], "not in the catalogue"),
        (["qwen2.5:7b", "--gpu", "voodoo"], "is not in the list"),
        (["./missing.gguf", "--gpu", "24GiB"], "cannot be read"),
        (["qwen2.5:7b", "--gpu", "24GiB", "--kv-type", "q9"], "kv type 'q9' is unknown"),
        (["--cases", "missing.jsonl"], "there is no such file"),
    ],
)
def test_mistakes_get_one_sentence(arguments: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        run(*arguments)


def test_a_host_without_gpus_is_said_to_need_one(project_dir: Path) -> None:
    with pytest.raises(UsageError, match="name one with --gpu"):
        run("qwen2.5:7b", "--config", str(project_dir / "config/twin-cpu.yaml"))


SEEN = HostObservation(
    model="qwen2.5:7b", digest="2bada8a7", num_ctx=8192, size_vram_bytes=6 << 30, size_bytes=6 << 30,
    host="http://127.0.0.1:11434", server_version="0.32.15", observed_at="2026-11-28T01:02:03Z",
)  # fmt: skip


def observed(tmp_path: Path, *seen: HostObservation) -> str:
    path = tmp_path / "seen.jsonl"
    path.write_text("".join(f"{observation_line(one)}\n" for one in seen))
    return str(path)


def test_what_a_host_showed_corrects_the_estimate_and_is_said(tmp_path: Path) -> None:
    """6 GiB at 8,192 tokens is 1.2 GiB more than the arithmetic says; at 4,096 tokens it is added as well."""
    file = observed(tmp_path, SEEN, replace(SEEN, num_ctx=4096, size_vram_bytes=1))
    asked = ("qwen2.5:7b", "--gpu", "8GiB", "--num-ctx", "8192", "--json")
    plain, learned = (
        json.loads(run(*more))["contexts"][0]["models"][0] for more in (asked, (*asked, "--observed", file))
    )
    assert learned["correction_bytes"] == (6 << 30) - plain["ollama_ps_vram_bytes"]
    assert "seen once on this host" in run(*asked[:-1], "--observed", file)
    assert "spills" in run("qwen2.5:7b", "--gpu", "7GiB", "--num-ctx", "8192", "--observed", file)
    assert "spills" not in run("qwen2.5:7b", "--gpu", "7GiB", "--num-ctx", "8192")


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ((SEEN, replace(SEEN, host="http://10.0.0.1:11434")), "what one host taught is not true of another"),
        ((replace(SEEN, model="nobody:1b"),), "no observation of a model that is known here"),
        ((replace(SEEN, size_bytes=7 << 30),), "wholly on GPUs"),
    ],
)
def test_observations_that_cannot_be_used_are_refused(
    tmp_path: Path, seen: tuple[HostObservation, ...], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        run("qwen2.5:7b", "--gpu", "8GiB", "--observed", observed(tmp_path, *seen))


class Described(BaseHTTPRequestHandler):
    """A server that describes one model, without listing its tensors."""

    def do_GET(self) -> None:
        row = {"name": "my-model:latest", "model": "my-model:latest", "size": 397_821_319, "digest": "0" * 64,
               "modified_at": "2026-11-22T10:00:00Z", "details": {}}  # fmt: skip
        self._answer({"models": [row]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        keys = {**published("qwen2.5:0.5b").metadata, "tokenizer.ggml.tokens": ["x"] * 151936}
        self._answer({"details": {"quantization_level": "Q4_K_M"}, "model_info": keys})

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_server_is_asked_for_what_it_has() -> None:
    """It lists no tensors, so they are drafted; the size of the file tells that the head is tied."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Described)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        value = json.loads(
            run("my-model", "--host", f"http://127.0.0.1:{server.server_port}", "--gpu", "8GiB", "--json")
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    (model, *_) = value["contexts"][0]["models"]
    known = estimate(spec_of(published("qwen2.5:0.5b")), Setting(4096, batch=model["batch"]))
    assert model["weights_gpu_bytes"] == known.weights_gpu_bytes
    assert model["gpu_total_bytes"] == known.gpu_total_bytes


def test_gpus_that_nobody_named_are_said_to_be_assumed(project_dir: Path) -> None:
    config = ["qwen2.5:7b", "--config", str(project_dir / "config/ollama-vm.yaml")]
    for arguments, is_assumed in (
        (config, True),
        ([*config, "--gpu", "rtx3090"], False),
        (["qwen2.5:7b", "--config", str(project_dir / "config/twin-48gb.yaml")], False),
        ([*config, "--quiet"], False),
    ):
        done = CliRunner().invoke(fit, arguments, catch_exceptions=False)
        assert ("embedded twin's are assumed (RTX 4090)" in done.stderr) == is_assumed, arguments

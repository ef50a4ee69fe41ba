"""The place of the chaos: a gateway and a twin as their users start them, both of which can be killed and come back."""

from __future__ import annotations

import resource
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.gateway.conftest import HOTSWAP, READY_S

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KINDS = ("calm", "stall", "slow", "half", "busy", "gone")
"""Each model but the first has a fault of its own, so that one twin can do each kind by itself, and all together."""
CONFIG = """\
llm:
  models: {{primary: "calm:1b", code: "slow:1b", fast: "half:1b"}}
host:
  settings: {{OLLAMA_NUM_PARALLEL: 8}}
  timeouts: {{first_byte: 1500ms, idle: 500ms}}
gateway:
  queue: {{promise: 1s, wait: 3s}}
  trace: {{file: {folder}/trace.jsonl}}
  sessions: {{file: {folder}/s.db}}
twin:
  env: {{OLLAMA_NUM_PARALLEL: 8}}
  gpus: [{{name: small, memory: 6GiB, library: CUDA, compute: 8.9, integrated: true, recovery: 1ms, bandwidth: 500GB/s,
          bus: 12GB/s}}]
  models:
{models}"""
MODEL = """\
    - {{name: "{kind}:1b", size: 1GB, architecture: qwen2, blocks: 28, embedding_length: 1536, head_count: 12,
       head_count_kv: 2, context_length: 32768, prefill_tok_per_s: 20000, decode_tok_per_s: 10}}
"""
FAULTS = """\
seed: 9
faults:
  - {fault: stall, for: 30s, when: {path: /api/chat, model: "stall:1b", chance: 0.07}}
  - {fault: stall_stream, after_pieces: 2, for: 30s, when: {path: /api/chat, model: "stall:1b", chance: 0.07}}
  - {fault: slow_tokens, pause: 20ms, when: {path: /api/chat, model: "slow:1b", chance: 0.5}}
  - {fault: half_line, after_pieces: 1, then: cut, when: {path: /api/chat, model: "half:1b", chance: 0.15}}
  - {fault: half_line, after_pieces: 1, then: end, when: {path: /api/chat, model: "half:1b", chance: 0.15}}
  - {fault: half_line, after_pieces: 0, then: end, when: {path: /api/chat, model: "half:1b", chance: 0.1}}
  - {fault: reset, after_pieces: 1, when: {path: /api/chat, model: "half:1b", chance: 0.1}}
  - {fault: error_line, after_pieces: 1, when: {path: /api/chat, model: "half:1b", chance: 0.1}}
  - {fault: http_error, status: 503, when: {path: /api/chat, model: "busy:1b", chance: 0.4}}
  - {fault: model_deleted, model: "gone:1b", span: {on: {path: /api/chat, model: "gone:1b", nth: 40}}}
"""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Served:
    """A command that serves, on the same port each time it is started. `lives` counts the starts."""

    arguments: Sequence[str]
    ready: Path
    before: Sequence[str] = ()
    port: int = field(default_factory=free_port)
    lives: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it, and go on; see `wait`."""
        self.ready.unlink(missing_ok=True)
        command = (*self.before, *HOTSWAP, *self.arguments, "--port", str(self.port), "--ready-file", str(self.ready))
        self.process = subprocess.Popen([*command, "--quiet"])
        self.lives += 1

    def wait(self) -> None:
        """Until clients can connect."""
        until = time.monotonic() + READY_S
        while not self.ready.exists():
            assert self.process is not None
            assert self.process.poll() is None, f"{self.arguments[0]} has ended"
            assert time.monotonic() < until, f"{self.arguments[0]} did not get ready"
            time.sleep(0.01)

    def kill(self) -> None:
        """SIGKILL: nothing can be put in order."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(READY_S)

    def limit_files(self, most_bytes: int) -> None:
        """No file of the process may grow beyond so many bytes (-1: no limit), from now on."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (most_bytes, hard))

    def stop(self) -> None:
        """As Ctrl-C would; it must end well."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(READY_S) == 0


@dataclass
class Place:
    """Both, and where they write."""

    folder: Path
    twin: Served
    gateway: Served
    arrived: int = 0  # requests that twins have seen which were killed since

    @property
    def sessions(self) -> Path:
        return self.folder / "s.db"

    def kill_twin(self) -> None:
        """The host's process is gone, with all that was in its memory."""
        self.arrived += self.seen_by_twin()
        self.twin.kill()

    def seen_by_twin(self) -> int:
        """Requests for models that have come to the scheduler of the twin that lives now."""
        events = httpx.get(f"{self.twin.url}/twin/events", timeout=READY_S, trust_env=False).json()["events"]
        return sum(event["event"] == "request_arrived" for event in events)

    def wait_until_well(self) -> None:
        """Until the gateway has found its host again."""
        until = time.monotonic() + READY_S
        while httpx.get(f"{self.gateway.url}/readyz", trust_env=False).is_error:
            assert time.monotonic() < until, "the gateway does not find its host"
            time.sleep(0.05)

    def stats(self) -> dict[str, Any]:
        """The gateway's own numbers."""
        found: dict[str, Any] = httpx.get(f"{self.gateway.url}/api/llm/stats", timeout=READY_S, trust_env=False).json()
        return found


def make_place(folder: Path) -> Place:
    """Config and faults, written; nothing is started."""
    config, faults = folder / "config.yaml", folder / "faults.yaml"
    models = "".join(MODEL.format(kind=kind) for kind in KINDS)
    config.write_text(CONFIG.format(folder=folder, models=models), encoding="utf-8")
    faults.write_text(FAULTS, encoding="utf-8")
    twin = Served(
        (
            "twin",
            "serve",
            "--config",
            str(config),
            "--faults",
            str(faults),
            "--inspect",
            "--voice",
            "echo",
            "--time-scale",
            "0.05",
        ),
        folder / "twin",
    )
    gateway = Served(("serve", "--config", str(config), "--host", twin.url), folder / "gateway")
    return Place(folder, twin, gateway)

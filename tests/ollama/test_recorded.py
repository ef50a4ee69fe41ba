"""Answers recorded from two versions of the real server, served again on loopback and read by the client.

What the client should make of them is worked out here from the raw JSON, in a few lines of its own. A small part of
the recordings lies in the project; all of them, where they lie beside it.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.ollama.fake_host import FakeHost, Seen, Wire
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.errors import (
    AnsweredError,
    BadRequestError,
    ErrorLineError,
    ForbiddenError,
    LoadFailedError,
    ModelMissingError,
    OllamaError,
    ProtocolError,
    RedirectError,
    ServerBusyError,
    ServerFailedError,
    StreamBrokeError,
    UnsupportedError,
)
from toolkit.ollama.types import ChatAnswer, ChatMessage, ChatRequest, GenerateAnswer, GenerateRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Case = dict[str, Any]

CALLED = ("/api/chat", "/api/generate", "/api/ps", "/api/tags", "/api/show", "/api/version")
GROUPS = ("chat", "generate", "ps", "tags", "show", "general", "errors", "keep_alive", "names", "cors")
BY_STATUS: dict[int, tuple[type[OllamaError], ...]] = {
    301: (RedirectError,),
    307: (RedirectError,),
    400: (BadRequestError,),
    403: (ForbiddenError,),
    404: (ModelMissingError, ProtocolError),
    405: (ProtocolError,),
    431: (BadRequestError,),
    500: (LoadFailedError, ServerFailedError, UnsupportedError, BadRequestError),
    501: (UnsupportedError,),
    503: (ServerBusyError,),
}
COUNTERS = {
    "total_duration": "total_ns", "load_duration": "load_ns", "prompt_eval_count": "prompt_eval_count",
    "prompt_eval_duration": "prompt_eval_ns", "eval_count": "eval_count", "eval_duration": "eval_ns",
}  # fmt: skip


def as_bytes(data: Any) -> bytes:
    return base64.b64decode(data["b64"]) if isinstance(data, dict) else str(data).encode()


def pieces(case: Case) -> list[bytes]:
    """The body as the server flushed it."""
    response = case["response"]
    if "chunks" in response:
        return [as_bytes(chunk["data"]) for chunk in response["chunks"]]
    return [as_bytes(response.get("body") or "")]


async def serve(case: Case, wire: Wire) -> None:
    """Send the recorded answer as it was sent then: same head, same chunks, same end."""
    response = case["response"]
    given = {name: value for name, value in response["headers"] if name not in {"Transfer-Encoding", "Content-Length"}}
    kind = given.pop("Content-Type", None)
    if "chunks" not in response:
        await wire.whole(response["status"], b"".join(pieces(case)), kind, **given)
        return
    await wire.head(response["status"], kind, **given)
    for piece in pieces(case):
        await wire.chunk(piece)
    if "client_aborted_s" in response:
        wire.close()
    else:
        await wire.end()


async def ask(client: OllamaClient, case: Case) -> Any:
    """Make the call whose answer this is; whether it is streamed is told by the answer's content type."""
    path = case["request"]["path"]
    streams = "ndjson" in str(case["response"]["headers"])
    chat, prompt = ChatRequest("m", (ChatMessage("user", "x"),)), GenerateRequest("m", "x")
    match path.rstrip("/"):
        case "/api/chat":
            return await (client.chat(chat) if streams else client.chat_unstreamed(chat))
        case "/api/generate":
            return await (client.generate(prompt) if streams else client.generate_unstreamed(prompt))
        case "/api/show":
            return await client.show("m")
        case "/api/ps":
            return await client.ps()
        case "/api/tags":
            return await client.tags()
    return await client.version()


def check_answer(case: Case, answer: Any) -> None:
    records = [json.loads(line) for line in b"".join(pieces(case)).split(b"\n") if line.strip()]
    path, last = case["request"]["path"], records[-1]
    if isinstance(answer, ChatAnswer | GenerateAnswer):
        bodies = [record["message"] if path == "/api/chat" else record for record in records]
        key = "content" if path == "/api/chat" else "response"
        assert answer.text == "".join(body.get(key, "") for body in bodies)
        assert answer.thinking == "".join(body.get("thinking", "") for body in bodies)
        wanted = [call["function"] for body in bodies for call in body.get("tool_calls", ())]
        assert [(call.name, call.arguments) for call in answer.tool_calls] == [
            (call["name"], call["arguments"]) for call in wanted
        ]
        assert answer.done_reason == last["done_reason"]
        assert {name: getattr(answer.counters, name) for name in COUNTERS.values()} == {
            name: last.get(key) for key, name in COUNTERS.items()
        }
        if isinstance(answer, GenerateAnswer):
            assert answer.context == (None if "context" not in last else tuple(last["context"]))
        streamed = "ndjson" in str(case["response"]["headers"])
        spoke = bool(answer.text or answer.thinking or answer.tool_calls)
        assert (answer.times.first_token_ns is not None) == (streamed and spoke)
    elif path in {"/api/ps", "/api/tags"}:
        assert [(row.name, row.size_bytes, row.digest) for row in answer] == [
            (row["name"], row["size"], row["digest"]) for row in last["models"]
        ]
        assert all(row.details.family and row.details.format == "gguf" for row in answer)
        if path == "/api/ps":
            assert [row.vram_bytes for row in answer] == [row["size_vram"] for row in last["models"]]
    elif path == "/api/show":
        assert (answer.template, answer.modelfile) == (last.get("template", ""), last["modelfile"])
        assert answer.architecture == last["model_info"]["general.architecture"]
        written = last.get("parameters", "").split("\n")
        assert sorted(name for name, _ in answer.parameters) == sorted(line.split()[0] for line in written if line)
    else:
        assert answer.text == last["version"]


def check_error(case: Case, error: OllamaError) -> None:
    assert str(error).isprintable()
    status, body = case["response"]["status"], b"".join(pieces(case))
    if status == 200:
        if b'{"error"' in body:
            assert isinstance(error, ErrorLineError)
        elif "client_aborted_s" in case["response"]:
            assert isinstance(error, StreamBrokeError)
        else:  # the root's text, and the debug answers that are never done
            assert isinstance(error, ProtocolError)
            assert b'"done":false' in body or not body.startswith(b"{")
        return
    assert isinstance(error, BY_STATUS[status])
    if isinstance(error, AnsweredError):
        assert error.status == status
        if body.startswith(b'{"error":"') and not body.startswith(b'{"error":"{'):
            assert error.server_message == json.loads(body)["error"]
    elif status == 404:  # an error of Ollama's own would have been recognised
        assert not body.startswith(b"{")


async def play(cases: list[Case]) -> tuple[int, int]:
    """Serve and read every case; how many gave an answer, and how many an error."""
    answers = errors = 0

    async def script(seen: Seen, wire: Wire) -> None:
        assert seen.header("x-case") is None  # nothing is told to the server but the request
        await serve(case, wire)

    case: Case
    async with FakeHost(script) as host, OllamaClient(host.url) as client:
        for case in cases:
            try:
                answer = await ask(client, case)
            except OllamaError as error:
                errors += 1
                check_error(case, error)
            else:
                answers += 1
                assert case["response"]["status"] == 200, case["id"]
                check_answer(case, answer)
    return answers, errors


def usable(cases: list[Case]) -> Iterator[Case]:
    for case in cases:
        request, status = case["request"], case["response"].get("status")
        is_called = request["path"].rstrip("/") in CALLED and request["method"] in {"GET", "POST"}
        if is_called and status is not None and not (status == 204 or request["method"] == "HEAD"):
            yield case


async def test_the_recordings_in_the_project(project_dir: Path) -> None:
    cases = json.loads((project_dir / "tests/fixtures/http/recorded.json").read_text(encoding="utf-8"))
    assert await play(cases) == (15, 16)


@pytest.mark.shared
@pytest.mark.parametrize(("version", "counts"), [(".", (227, 181)), ("v0.24.0", (216, 171))])
async def test_all_recordings(shared_dir: Path, version: str, counts: tuple[int, int]) -> None:
    folder = shared_dir / "ollama/golden/http" / version
    cases: list[Case] = []
    for group in GROUPS:
        path = folder / f"{group}.json"
        cases += usable(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []
    assert await play(cases) == counts

"""What each status and each of the server's sentences becomes."""

from __future__ import annotations

import json

import pytest

from toolkit.ollama.address import parse_address
from toolkit.ollama.errors import (
    AnsweredError,
    BadRequestError,
    CanceledError,
    ForbiddenError,
    LoadFailedError,
    ModelMissingError,
    OllamaError,
    Progress,
    ProtocolError,
    RedirectError,
    ServerBusyError,
    ServerFailedError,
    UnsupportedError,
)
from toolkit.ollama.failures import Where, message_of, quoted, redirect_error
from toolkit.ollama.statuses import answered_error
from toolkit.ollama.types import Times

WHERE = Where(parse_address("http://gpu-a:11434", "gpu-a"), "POST /api/chat", "qwen2.5:7b")
PROGRESS = Progress(WHERE.address.url, WHERE.call, Times(1))


def error(status: int, said: str | None, where: Where = WHERE) -> OllamaError:
    body = b"" if said is None else json.dumps({"error": said}).encode()
    return answered_error(where, status, body, is_json=True, progress=PROGRESS)


SENTENCES = [
    (400, "model is required", BadRequestError, "correct the request"),
    (400, '"m" does not support chat', UnsupportedError, "choose another model"),
    (400, "registry.ollama.ai/library/m:latest does not support tools", UnsupportedError, "choose another model"),
    (501, "This server does not support embeddings", UnsupportedError, "choose another model"),
    (500, '{"error":{"code":500,"message":"image input is not supported - hint"}}', UnsupportedError, "leave that out"),
    (400, '{"error":{"code":400,"message":"request (2032 tokens) exceeds the available context size (256 tokens)"}}',
     BadRequestError, "raise num_ctx"),
    (400, "the input length exceeds the context length", BadRequestError, "raise num_ctx"),
    (500, 'option "num_ctx" must be of type integer', BadRequestError, "correct the request"),
    (500, 'invalid format: "xml"; expected "json"', BadRequestError, "correct the request"),
    (500, "template: :1: unclosed action", BadRequestError, "correct the request"),
    (401, None, ForbiddenError, "give the token"),
    (403, None, ForbiddenError, "OLLAMA_ORIGINS"),
    (403, "ollama cloud is disabled: remote model is unavailable", ForbiddenError, "settings forbid it"),
    (404, "model 'qwen2.5:7b' not found", ModelMissingError, "`ollama pull qwen2.5:7b`"),
    (429, "slow down", ServerBusyError, "send less at a time"),
    (499, "request canceled", CanceledError, "closed the connection"),
    (503, "server busy, please try again.  maximum pending requests exceeded", ServerBusyError, "OLLAMA_MAX_QUEUE"),
    (503, None, ServerFailedError, "without a word; look into the server's log"),
    (500, "llama-server process has terminated: GGML_ASSERT(x) failed", LoadFailedError, "too little memory"),
    (500, "model requires more system memory (8 GiB) than is available (4 GiB)", LoadFailedError, "too little memory"),
    (500, "model runner has unexpectedly stopped", ServerFailedError, "look into the server's log"),
    (413, None, BadRequestError, "correct the request"),
    (302, None, BadRequestError, "correct the request"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "said", "kind", "hint"), SENTENCES)
def test_each_answer_has_its_error_and_its_advice(
    status: int, said: str | None, kind: type[OllamaError], hint: str
) -> None:
    made = error(status, said)
    assert type(made) is kind
    assert hint in str(made)
    assert str(made).startswith(
        f"host gpu-a: POST /api/chat (qwen2.5:7b) at http://gpu-a:11434 ended with status {status}: "
    )
    assert isinstance(made, AnsweredError)
    assert (made.status, made.progress) == (status, PROGRESS)
    assert (made.server_message is None) == (said is None)


def test_a_500_on_a_load_is_a_failed_load_whatever_its_words() -> None:
    load = Where(WHERE.address, "POST /api/generate", "m", loads=True)
    assert type(error(500, "something new", load)) is LoadFailedError
    assert type(error(500, "something new")) is ServerFailedError


@pytest.mark.parametrize(
    ("status", "kind"), [(502, ServerFailedError), (503, ServerFailedError), (400, BadRequestError)]
)
def test_a_proxys_page_is_not_quoted(status: int, kind: type[OllamaError]) -> None:
    made = answered_error(WHERE, status, b"<html>Bad Gateway</html>", is_json=False, progress=PROGRESS)
    assert type(made) is kind
    assert "<html>" not in str(made)
    assert "a proxy before it may have answered" in str(made)


def test_plain_text_is_quoted() -> None:
    body = b"Client sent an HTTP request to an HTTPS server.\n"
    made = answered_error(WHERE, 400, body, is_json=False, progress=PROGRESS)
    assert "the answer is 'Client sent an HTTP request to an HTTPS server.'; correct the request" in str(made)
    assert isinstance(made, AnsweredError)
    assert made.server_message is None


@pytest.mark.parametrize("status", [404, 405])
def test_an_unknown_call_means_that_this_is_no_ollama(status: int) -> None:
    made = answered_error(WHERE, status, b"404 page not found", is_json=False, progress=PROGRESS)
    assert type(made) is ProtocolError
    assert "does the URL point to Ollama?" in str(made)
    about_no_model = Where(WHERE.address, "GET /api/ps")
    assert type(error(404, "Not Found", about_no_model)) is ProtocolError


def test_a_redirect_names_its_target() -> None:
    made = redirect_error(WHERE, 307, "https://elsewhere/", PROGRESS)
    assert type(made) is RedirectError
    assert "is redirected to https://elsewhere/ (status 307), which is not followed" in str(made)
    assert "without saying where to" in str(redirect_error(WHERE, 301, "", PROGRESS))


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("plain", "plain"),
        ({"message": "openai"}, "openai"),
        ('{"error":{"code":400,"message":"runner"}}', "runner"),
        ('{"error":"{\\"error\\":{\\"message\\":\\"deep\\"}}"}', "deep"),
        ("{not json", "{not json"),
        ({"code": 1}, ""),
        (7, "7"),
        ("{" * 100_000, "{" * 100_000),
    ],
)
def test_the_runners_json_inside_the_servers_is_unwrapped(field: object, said: str) -> None:
    assert message_of(field) == said


def test_foreign_text_cannot_steer_a_terminal_nor_flood_it() -> None:
    shown = quoted("a\x1b[31mb\n\n  c\u202ed" + "x" * 1000)
    assert shown.startswith("a\N{REPLACEMENT CHARACTER}[31mb c\N{REPLACEMENT CHARACTER}d")
    assert len(shown) == 300
    assert shown.isprintable()

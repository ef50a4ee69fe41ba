"""The application: one ASGI callable that answers as a server does.

It is plain ASGI on purpose: the hot path has no middleware stack. The pages under `/twin`, which are not part of
Ollama, are a small Starlette application beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.host.app.chat import ChatEndpoint
from toolkit.host.app.embed import EmbeddingsEndpoint, EmbedEndpoint
from toolkit.host.app.exchange import Answer, Call, ClientGoneError, ConnectionCutError, send_answer
from toolkit.host.app.extras import Extras
from toolkit.host.app.generate import GenerateEndpoint
from toolkit.host.app.installed import Installed
from toolkit.host.app.openai import OpenAi
from toolkit.host.app.routing import Route, Router, not_allowed, not_found
from toolkit.host.app.transfer import Transfer

if TYPE_CHECKING:
    from toolkit.host.app.exchange import Receive, Send
    from toolkit.host.app.guard import Guard
    from toolkit.host.app.services import Services

_BAD_ESCAPE = re.compile(rb"%(?![0-9a-fA-F]{2})")


@dataclass(slots=True)
class Application:
    """Answers requests. `inspector`, if given, is asked first about paths under `/twin/`."""

    services: Services
    guard: Guard
    time_scale: float = 1.0
    inspector: Any = None
    router: Router = field(default_factory=Router)

    def __post_init__(self) -> None:
        for route in _routes(self.services, self.time_scale):
            self.router.add(route)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request; the lifespan protocol is answered too."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if self.inspector is not None and scope["path"].startswith("/twin/"):
            await self.inspector(scope, receive, send)
            return
        call = _call_of(scope, receive, self.services.clock.now_ns())
        try:
            await self._serve(call, scope, send)
        except ClientGoneError:
            return
        finally:
            call.done()

    async def _serve(self, call: Call, scope: dict[str, Any], send: Send) -> None:
        early = _malformed(call, scope)
        if early is not None:
            await send_answer(call, early, send, self.services.clock.wall_ns())
            return
        match = self.router.match(call.method, call.path, call.query)
        if match.redirect is not None:
            await send_answer(call, match.redirect, send, self.services.clock.wall_ns())
            return
        ended, headers = self.guard.check(call)
        if match.allow and match.handler is None:
            headers = [*headers, ("Allow", ", ".join(match.allow))]
        if ended is None and match.handler is not None:
            call.params = match.params
            if call.method == "POST":
                await call.body()
                await call.while_here(self._handle(call, match.handler, headers, send))
            else:
                await self._handle(call, match.handler, headers, send)
            return
        answer = ended or (not_allowed() if match.allow else not_found())
        answer.headers += headers
        await send_answer(call, answer, send, self.services.clock.wall_ns())

    async def _handle(self, call: Call, handler: Any, headers: list[tuple[str, str]], send: Send) -> None:
        answer: Answer = await handler(call)
        answer.headers += headers
        await send_answer(call, answer, send, self.services.clock.wall_ns())


def _call_of(scope: dict[str, Any], receive: Receive, now_ns: int) -> Call:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return Call(
        method=scope["method"],
        path=scope["path"],
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        receive=receive,
        started_ns=now_ns,
        http_version=scope.get("http_version", "1.1"),
    )


def _malformed(call: Call, scope: dict[str, Any]) -> Answer | None:
    """What Go's server refuses before any handler: no Host, a broken escape in the path."""
    if call.http_version == "1.1" and "host" not in call.headers:
        return _bad_request("missing required Host header")
    if _BAD_ESCAPE.search(scope.get("raw_path") or b""):
        return _bad_request("")
    return None


def _bad_request(why: str) -> Answer:
    text = f"400 Bad Request: {why}" if why else "400 Bad Request"
    headers = [("Content-Type", "text/plain; charset=utf-8")]
    return Answer(400, headers, text.encode(), bare=True, reason=text.removeprefix("400 "))


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _routes(services: Services, time_scale: float) -> list[Route]:
    installed, transfer = Installed(services), Transfer(services, time_scale)
    openai, extras = OpenAi(services, installed), Extras(services)
    embeddings = EmbeddingsEndpoint(services)
    return [
        Route("/", {"HEAD": installed.root, "GET": installed.root}),
        Route("/api/version", {"HEAD": installed.version, "GET": installed.version}),
        Route("/api/status", {"GET": installed.status}),
        Route("/api/pull", {"POST": transfer.pull}),
        Route("/api/push", {"POST": transfer.push}),
        Route("/api/tags", {"HEAD": installed.tags, "GET": installed.tags}),
        Route("/api/show", {"POST": installed.show}),
        Route("/api/delete", {"DELETE": installed.delete}),
        Route("/api/me", {"POST": extras.me}),
        Route("/api/signout", {"POST": extras.signout}),
        Route("/api/user/keys/:key", {"DELETE": extras.signout}),
        Route("/api/create", {"POST": transfer.create}),
        Route("/api/blobs/:digest", {"POST": installed.create_blob, "HEAD": installed.head_blob}),
        Route("/api/copy", {"POST": installed.copy}),
        Route("/api/experimental/web_search", {"POST": extras.web_search}),
        Route("/api/experimental/web_fetch", {"POST": extras.web_fetch}),
        Route("/api/experimental/model-recommendations", {"GET": extras.recommendations}),
        Route("/api/ps", {"GET": installed.ps}),
        Route("/api/generate", {"POST": GenerateEndpoint(services)}),
        Route("/api/chat", {"POST": ChatEndpoint(services)}),
        Route("/api/embed", {"POST": EmbedEndpoint(services)}),
        Route("/api/embeddings", {"POST": embeddings}),
        Route("/v1/chat/completions", {"POST": openai.chat}),
        Route("/v1/completions", {"POST": openai.completions}),
        Route("/v1/embeddings", {"POST": openai.embeddings}),
        Route("/v1/models", {"GET": openai.models}),
        Route("/v1/models/:model", {"GET": openai.model}),
        *extras.compatible_routes(),
    ]


def build_app(services: Services, guard: Guard, *, time_scale: float = 1.0, inspector: Any = None) -> Application:
    """The ASGI application of a twin."""
    return Application(services, guard, time_scale, inspector)


__all__ = ["Application", "ConnectionCutError", "build_app"]

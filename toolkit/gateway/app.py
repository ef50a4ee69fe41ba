"""The application: endpoints and door put together. Paths, and which endpoint answers them, are all here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from toolkit.gateway.api.document import openapi_document
from toolkit.gateway.api.operations import OPERATIONS
from toolkit.gateway.api.reading import read_shape
from toolkit.gateway.dashboard.pages import PAGE, load_assets, wants_page
from toolkit.gateway.endpoint import Endpoint, Limits
from toolkit.gateway.guard import CALLER, Guard, openai_error
from toolkit.gateway.http import headers_of, whole, whole_json
from toolkit.gateway.metrics import CONTENT_TYPE
from toolkit.gateway.native import Native
from toolkit.gateway.openai import ChatCompletions, Completions, Embeddings
from toolkit.gateway.plain import HOST, WRITES, Plain
from toolkit.gateway.refusal import Refusal, Why
from toolkit.gateway.registries import Registries
from toolkit.gateway.whatif.calls import WhatIfCalls
from toolkit.gateway.whatif.paths import REPORTS, WHAT_IF

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from toolkit.gateway.endpoint import Answer
    from toolkit.gateway.fleet import Fleet
    from toolkit.gateway.keys import Caller, KeyRing
    from toolkit.gateway.ledger import Ledger
    from toolkit.gateway.limits import RateLimit
    from toolkit.gateway.outgoing import Outgoing
    from toolkit.gateway.reply import Asks
    from toolkit.gateway.whatif.desk import Desk
    from toolkit.routing.router import Router

_OK, _NOT_FOUND, _UNAVAILABLE = 200, 404, 503
_SHAPES = {each.path: each.body for each in OPERATIONS if each.body is not None}
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Parts:
    """What the endpoints work with."""

    fleet: Fleet
    dispatcher: Asks
    router: Router
    ledger: Ledger
    limit: RateLimit
    keys: KeyRing
    clock_ns: Callable[[], int]
    wall_s: Callable[[], int]
    body_bytes: int
    deadline_ns: int | None
    names: Sequence[str]
    origins: Sequence[str]
    registries: Sequence[str]
    by_address: bool
    writes: bool
    texts: bool
    remembers: bool
    desk: Desk


class ModelEndpoint(Protocol):
    """Answers requests that make a model work."""

    async def answer(self, body: dict[str, Any], headers: Mapping[str, str], caller: Caller, out: Outgoing) -> None:
        """Answer one request. Raises Refusal or OllamaError where nothing of the answer was sent."""
        ...


def build_app(parts: Parts) -> Guard:
    """The ASGI application."""
    routes = build_routes(parts)
    app = Starlette(routes=routes, exception_handlers={HTTPException: _no_such_call})
    return Guard(
        _Shortcut({route.path: route.app for route in routes if isinstance(route, _ModelRoute)}, app),
        parts.keys,
        names=parts.names,
        origins=parts.origins,
        by_address=parts.by_address,
        refused=parts.ledger.refused,
        routes=routes,
    )


class _ModelRoute(Route):
    """A path whose POST is answered by a model."""


class _Shortcut:
    """To the models straight away: of Starlette's layers they need none, and each costs time at every piece."""

    def __init__(self, posts: Mapping[str, ASGIApp], app: ASGIApp) -> None:
        self._posts = posts
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        posted = self._posts.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        await (posted or self._app)(scope, receive, send)


def build_routes(parts: Parts) -> list[Route]:
    """Every path, and what answers it."""
    native: dict[str, ModelEndpoint] = {
        "/api/chat": Native("chat", "/api/chat", parts.router, parts.dispatcher, texts=parts.texts),
        "/api/generate": Native("generate", "/api/generate", parts.router, parts.dispatcher, texts=parts.texts),
        "/api/embed": Native("embed", "/api/embed", parts.router, parts.dispatcher, texts=False),
        "/api/embeddings": Native("embed", "/api/embeddings", parts.router, parts.dispatcher, texts=False),
    }
    openai: dict[str, ModelEndpoint] = {
        "/v1/chat/completions": ChatCompletions(parts.router, parts.dispatcher, parts.wall_s, texts=parts.texts),
        "/v1/completions": Completions(parts.router, parts.dispatcher, parts.wall_s, texts=parts.texts),
        "/v1/embeddings": Embeddings(parts.dispatcher),
    }
    return [
        *(_model_route(parts, path, endpoint) for path, endpoint in {**native, **openai}.items()),
        *_plain_routes(parts),
        *_own_routes(parts),
        *_what_if_routes(parts),
    ]


def _model_route(parts: Parts, path: str, endpoint: ModelEndpoint) -> Route:
    shape = _SHAPES[path]

    async def answer(scope: Scope, body: bytes, out: Outgoing) -> None:
        caller: Caller = scope[CALLER]
        _check_rate(parts, scope, caller)
        await endpoint.answer(read_shape(body, shape), headers_of(scope), caller, out)

    return _ModelRoute(path, _endpoint(parts, answer), methods=["POST"])


def _plain_routes(parts: Parts) -> list[Route]:
    plain = Plain(parts.fleet, Registries(parts.registries), writes=parts.writes)

    async def host_version(_scope: Scope, _body: bytes, send: Send) -> None:
        await plain.version(send)

    async def listing(scope: Scope, _body: bytes, send: Send) -> None:
        await plain.listing(scope["path"], send)

    async def show(scope: Scope, body: bytes, send: Send) -> None:
        await plain.show(read_shape(body, _SHAPES[scope["path"]]), send)

    async def pull(scope: Scope, body: bytes, send: Send) -> None:
        plain.check_admin(scope["path"], scope[CALLER])
        await plain.pull(read_shape(body, _SHAPES[scope["path"]]), headers_of(scope).get(HOST), send)

    async def write(scope: Scope, body: bytes, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        plain.check_writes(method, path)
        plain.check_admin(path, scope[CALLER])
        await plain.write(method, path, read_shape(body, _SHAPES[path]), headers_of(scope).get(HOST), send)

    async def models(_scope: Scope, _body: bytes, send: Send) -> None:
        await plain.openai_models(send)

    async def model(scope: Scope, _body: bytes, send: Send) -> None:
        await plain.openai_model(scope["path_params"]["name"], send)

    return [
        _route(parts, "/api/version", host_version, "GET", "HEAD"),
        _route(parts, "/api/tags", listing, "GET", "HEAD"),
        _route(parts, "/api/ps", listing, "GET"),
        _route(parts, "/api/show", show, "POST"),
        _route(parts, "/api/pull", pull, "POST"),
        *(_route(parts, path, write, method) for method, path in WRITES),
        _route(parts, "/v1/models", models, "GET"),
        _route(parts, "/v1/models/{name:path}", model, "GET"),
    ]


def _own_routes(parts: Parts) -> list[Route]:
    assets = load_assets()

    async def root(scope: Scope, _body: bytes, send: Send) -> None:
        if wants_page(headers_of(scope)):
            await assets[f"/dashboard/{PAGE}"].answer(send)
        else:
            await whole(send, _OK, b"Ollama is running", "text/plain; charset=utf-8", (("vary", "accept"),))

    async def asset(scope: Scope, _body: bytes, send: Send) -> None:
        await assets[scope["path"]].answer(send)

    async def live(_scope: Scope, _body: bytes, send: Send) -> None:
        parts.fleet.watched()
        live = {**parts.ledger.live(), "sessions": parts.remembers}
        await whole_json(send, _OK, live, (("cache-control", "no-store"),))

    async def health(_scope: Scope, _body: bytes, send: Send) -> None:
        await whole_json(send, _OK, {"status": "ok"})

    async def ready(_scope: Scope, _body: bytes, send: Send) -> None:
        ready = any(backend.is_ready for backend in parts.fleet.backends)
        await whole_json(send, _OK if ready else _UNAVAILABLE, {"status": "ok" if ready else "no host answers"})

    async def stats(_scope: Scope, _body: bytes, send: Send) -> None:
        await whole_json(send, _OK, parts.ledger.stats())

    async def described(_scope: Scope, _body: bytes, send: Send) -> None:
        names = [backend.name for backend in parts.fleet.backends]
        await whole_json(
            send, _OK, openapi_document(version("hotswap-toolkit"), with_keys=bool(parts.keys), hosts=names)
        )

    async def metrics(_scope: Scope, _body: bytes, send: Send) -> None:
        await whole(send, _OK, parts.ledger.page(), CONTENT_TYPE)

    return [
        _route(parts, "/", root, "GET", "HEAD"),
        _route(parts, "/healthz", health, "GET", "HEAD"),
        _route(parts, "/readyz", ready, "GET", "HEAD"),
        _route(parts, "/api/llm/stats", stats, "GET"),
        _route(parts, "/api/llm/live", live, "GET"),
        *(_route(parts, path, asset, "GET", "HEAD") for path in assets),
        _route(parts, "/metrics", metrics, "GET"),
        _route(parts, "/openapi.json", described, "GET"),
    ]


def _what_if_routes(parts: Parts) -> list[Route]:
    calls = WhatIfCalls(parts.desk)

    async def what_if(scope: Scope, body: bytes, send: Send) -> None:
        caller: Caller = scope[CALLER]
        if scope["method"] == "POST":
            _check_rate(parts, scope, caller)
            await calls.ask(scope, body, caller, send)
        elif scope["method"] == "DELETE":
            await calls.cancel(caller, send)
        else:
            await calls.look(caller, send)

    async def report(scope: Scope, _body: bytes, send: Send) -> None:
        await calls.report(scope["path_params"]["token"], send)

    return [
        _route(parts, WHAT_IF, what_if, "GET", "POST", "DELETE"),
        _route(parts, REPORTS + "{token}", report, "GET"),
    ]


def _route(parts: Parts, path: str, answer: Callable[[Scope, bytes, Send], Awaitable[None]], *methods: str) -> Route:
    async def answering(scope: Scope, body: bytes, out: Outgoing) -> None:
        await answer(scope, body, out.send)

    return Route(path, _endpoint(parts, answering), methods=list(methods))


def _endpoint(parts: Parts, answer: Answer) -> Endpoint:
    return Endpoint(Limits(parts.body_bytes, parts.deadline_ns, parts.ledger.refused), answer)


async def _no_such_call(request: Request, error: Exception) -> Response:
    """404 and 405 in the words of the API that was called; 405 says which methods there are."""
    status = getattr(error, "status_code", _NOT_FOUND)
    text = "there is no such call; /openapi.json has them all" if status == _NOT_FOUND else "the call has other methods"
    said = openai_error(status, text) if request.url.path.startswith("/v1/") else {"error": text}
    return JSONResponse(said, status, headers=getattr(error, "headers", None))


def _check_rate(parts: Parts, scope: Scope, caller: Caller) -> None:
    client = scope.get("client")
    who = caller.name if parts.keys else str(client[0] if client else "")
    left_ns = parts.limit.take(who, parts.clock_ns())
    if left_ns is not None:
        raise Refusal(Why.TOO_OFTEN, "too many requests; see Retry-After", max(1, -(-left_ns // NS_PER_S)))

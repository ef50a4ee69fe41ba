"""The door: what is refused before any endpoint looks at it. Plain ASGI, around the whole application.

- **Host**: a web page can have its own name point to this machine (DNS rebinding), and its scripts then reach what
  listens here; they cannot choose the Host header. So names that are not this machine's are refused.
- **Origin**: pages of other addresses may not use the gateway unless the config says so; not even by requests that
  a browser sends without asking first.
- **Keys**: where there are any, everything but the health checks and the empty page needs one. Reports are known by a
  secret in their address.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from toolkit.gateway.dashboard.pages import PATHS
from toolkit.gateway.http import as_json, begin, headers_of, piece, refusal_headers
from toolkit.gateway.keys import ANYONE, given_key
from toolkit.gateway.refusal import Refusal, Why
from toolkit.gateway.whatif.paths import REPORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from starlette.routing import Route
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from toolkit.gateway.keys import Caller, KeyRing

CALLER: Final = "hotswap.caller"
"""Where the scope holds who a request is from."""
OPEN_PATHS: Final = frozenset({"/", "/healthz", "/readyz"}) | PATHS
"""There is nothing to see there: whether the gateway lives, and the empty page of the dashboard."""
_MOST_NAMES: Final = 100
"""So many names that clients have called the gateway by are kept with what was found of them."""
_LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST: Final = re.compile(
    r"\[([0-9a-f:.]+)\](?::[0-9]{0,5})?|([0-9a-z._-]*)(?::[0-9]{0,5})?|([0-9a-f:]*::?[0-9a-f:.]*)"
)
_ALLOWED_HEADERS = (
    "authorization, content-type, idempotency-key, x-api-key, x-hotswap-deadline, x-hotswap-host, x-hotswap-priority, "
    "x-hotswap-session"
)
_EXPOSED_HEADERS = (
    "x-hotswap-reason, x-hotswap-cache, x-hotswap-host, x-hotswap-model, idempotent-replayed, retry-after"
)
SAFETY_HEADERS: Final = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
]
"""Stand in every answer; the server adds them, so that nothing has to be between it and a piece of an answer."""


class Guard:
    """See the module. `names` are hosts that clients may call this one; `by_address`: any IP address is right, too."""

    def __init__(
        self,
        app: ASGIApp,
        keys: KeyRing,
        *,
        names: Collection[str],
        origins: Collection[str],
        by_address: bool,
        refused: Callable[[Why], None],
        routes: Sequence[Route] = (),
    ) -> None:
        self._app = app
        self._keys = keys
        self._names = frozenset(name.lower() for name in names) | _LOCAL_NAMES
        self._origins = frozenset(origins)
        self._by_address = by_address
        self._are_ours: dict[str, bool] = {}
        self._refused = refused
        self.routes = tuple(routes)
        """What is behind the door."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = headers_of(scope)
        origin = headers.get("origin", "").lower()
        allowed = origin in self._origins
        sending = _with_cors(send, origin) if allowed else send
        try:
            if len(headers) < len(scope["headers"]):
                _check_one_host(scope)
            self._check_address(headers, origin, allowed=allowed)
            if allowed and scope["method"] == "OPTIONS":
                await _answer_preflight(sending)
                return
            scope[CALLER] = self._caller(scope["path"], headers)
        except Refusal as refusal:
            self._refused(refusal.why)
            await answer_refusal(sending, refusal, openai=scope["path"].startswith("/v1/"))
            return
        await self._app(scope, receive, sending)

    def _check_address(self, headers: Mapping[str, str], origin: str, *, allowed: bool) -> None:
        host = headers.get("host", "").lower()
        is_ours = self._are_ours.get(host)
        if is_ours is None:
            is_ours = self._is_ours(_host_part(host))
            if len(self._are_ours) < _MOST_NAMES:
                self._are_ours[host] = is_ours
        if not is_ours:
            text = "this name is not one of the gateway's; if it should be, add it to gateway.allowed_hosts"
            raise Refusal(Why.FOREIGN_HOST, text)
        if origin and not allowed and origin not in {f"http://{host}", f"https://{host}"}:
            text = "pages of this origin may not use the gateway; if they should, add it to gateway.origins"
            raise Refusal(Why.FOREIGN_ORIGIN, text)

    def _is_ours(self, host: str) -> bool:
        return host in self._names or (self._by_address and _is_address(host))

    def _caller(self, path: str, headers: Mapping[str, str]) -> Caller:
        if path in OPEN_PATHS or path.startswith(REPORTS):
            return ANYONE
        caller = self._keys.caller(given_key(headers))
        if caller is None:
            raise Refusal(Why.NO_KEY, "a valid API key is needed: send `Authorization: Bearer KEY`")
        return caller


async def answer_refusal(send: Send, refusal: Refusal, *, openai: bool = False) -> None:
    """Answer in the words of the API that was called."""
    body = as_json(openai_error(refusal.why.status, refusal.text) if openai else {"error": refusal.text})
    headers = (("content-length", str(len(body))), *refusal_headers(refusal))
    await begin(send, refusal.why.status, "application/json", headers)
    await piece(send, body, more=False)


def openai_error(status: int, text: str) -> dict[str, object]:
    """An error as OpenAI's clients read it."""
    kinds = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error"}
    kinds |= {404: "not_found_error", 413: "invalid_request_error", 429: "rate_limit_error"}
    return {"error": {"message": text, "type": kinds.get(status, "api_error"), "param": None, "code": None}}


async def _answer_preflight(send: Send) -> None:
    await begin(
        send,
        204,
        "",
        (("access-control-allow-methods", "GET, POST, DELETE"), ("access-control-allow-headers", _ALLOWED_HEADERS)),
    )
    await piece(send, b"", more=False)


def _with_cors(send: Send, origin: str) -> Send:
    """What lets a page of that origin read the answer."""
    cors = (
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", _EXPOSED_HEADERS.encode()),
        (b"vary", b"Origin"),
    )

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *cors]
        await send(message)

    return sending


def _check_one_host(scope: Scope) -> None:
    """Whoever stands before the gateway may have looked at another one of several. Raises Refusal."""
    if [name for name, _ in scope["headers"]].count(b"host") > 1:
        raise Refusal(Why.BAD_REQUEST, "the request has more than one Host header")


def _host_part(header: str) -> str:
    """The host of `host:port`, brackets of IPv6 taken off; empty for what has no such form."""
    found = _HOST.fullmatch(header)
    return "" if found is None else found[1] or found[2] or found[3]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

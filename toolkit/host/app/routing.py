"""Which handler a request belongs to, as the server's router decides it.

Paths are first made clean (`//`, `.` and `..` redirect with 307), then matched with case; a slash too many redirects
(301, other methods 307); a known path with another method is 405 with the methods that it has.
"""

from __future__ import annotations

import html
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from toolkit.host.app.exchange import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from toolkit.host.app.exchange import Call

    Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]

METHODS = ("HEAD", "GET", "POST", "DELETE")
"""In the order in which the server's `Allow` lists them."""
_PLAIN = [("Content-Type", "text/plain")]
_TITLES = {301: "Moved Permanently", 307: "Temporary Redirect"}


@dataclass(frozen=True, slots=True)
class Route:
    """A path, whose last part may be a variable (`:digest`), with a handler for each of its methods."""

    path: str
    handlers: dict[str, Handler]


@dataclass(frozen=True, slots=True)
class Match:
    """What became of a path: a handler with the variable parts, or the methods that it has, or a redirect."""

    handler: Handler | None = None
    params: dict[str, str] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    redirect: Answer | None = None


@dataclass(slots=True)
class Router:
    """The table of routes."""

    fixed: dict[str, dict[str, Handler]] = field(default_factory=dict)
    variable: dict[str, tuple[str, dict[str, Handler]]] = field(default_factory=dict)
    """By the path up to the variable, which ends with a slash: name of the variable, handlers."""

    def add(self, route: Route) -> None:
        """Add a route."""
        head, colon, name = route.path.partition(":")
        if colon:
            self.variable[head] = (name, route.handlers)
        else:
            self.fixed[route.path] = route.handlers

    def match(self, method: str, path: str, query: str) -> Match:
        """Find the handler of a request."""
        clean = _clean(path)
        if clean != path:
            return Match(redirect=_redirect(method, 307, clean, query))
        handlers, params = self._find(path)
        if method in handlers:
            return Match(handler=handlers[method], params=params)
        if path != "/" and path.endswith("/") and method in self._find(path[:-1])[0]:
            return Match(redirect=_redirect(method, 301 if method == "GET" else 307, path[:-1], query))
        return Match(allow=tuple(known for known in METHODS if known in handlers))

    def _find(self, path: str) -> tuple[dict[str, Handler], dict[str, str]]:
        handlers = self.fixed.get(path)
        if handlers is not None:
            return handlers, {}
        cut = path.rfind("/") + 1
        found = self.variable.get(path[:cut])
        if found is None or cut == len(path):
            return {}, {}
        return found[1], {found[0]: path[cut:]}


def not_found() -> Answer:
    """The answer to an unknown path."""
    return Answer(404, list(_PLAIN), b"404 page not found")


def not_allowed() -> Answer:
    """The answer to a known path with another method; `Allow` is added by whoever knows it."""
    return Answer(405, list(_PLAIN), b"405 method not allowed")


def _clean(path: str) -> str:
    if not path.startswith("/"):
        path = "/" + path
    if "//" not in path and "/." not in path:
        return path
    cleaned = posixpath.normpath(path).replace("//", "/")
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned


def _redirect(method: str, status: int, path: str, query: str) -> Answer:
    location = quote(path, safe="/$&+,:;=@!'()*~") + (f"?{query}" if query else "")
    headers = [("Location", location)]
    body = b""
    if method in {"GET", "HEAD"}:
        headers.append(("Content-Type", "text/html; charset=utf-8"))
        body = f'<a href="{html.escape(location)}">{_TITLES[status]}</a>.\n\n'.encode()
    return Answer(status, headers, body)

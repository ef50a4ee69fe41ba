"""The files of the page, as they are sent, and who gets the page at all.

`GET /` answers "Ollama is running" to every client that does not ask for HTML, since some check a host by that.
The page's own files need no key: there is nothing in them. All it shows comes by calls that need one.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from toolkit.gateway.http import whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Send

PAGE: Final = "index.html"
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_NAMES: Final = (
    PAGE,
    "style.css",
    "main.js",
    "dom.js",
    "door.js",
    "panels.js",
    "charts.js",
    "chat.js",
    "whatif.js",
    "icon.svg",
)
PATHS: Final = frozenset(f"/dashboard/{name}" for name in _NAMES)
CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing from elsewhere, nothing inline; assigning a string to innerHTML fails in our own code as well."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    content_type: str
    body: bytes

    async def answer(self, send: Send) -> None:
        """Send it. Browsers ask again each time: the page must fit the gateway that serves it."""
        await whole(
            send,
            200,
            self.body,
            self.content_type,
            (("content-security-policy", CONTENT_POLICY), ("cache-control", "no-cache"), ("vary", "accept")),
        )


def load_assets() -> dict[str, Asset]:
    """The files by path; `/dashboard/index.html` is the page."""
    folder = files(__package__).joinpath("static")
    return {f"/dashboard/{name}": Asset(content_type_of(name), folder.joinpath(name).read_bytes()) for name in _NAMES}


def content_type_of(name: str) -> str:
    """The media type of a file of the page, by its name."""
    return _TYPES[name.rpartition(".")[2]]


def wants_page(headers: Mapping[str, str]) -> bool:
    """Whether it is a browser that asks for `/`."""
    return "text/html" in headers.get("accept", "").lower()

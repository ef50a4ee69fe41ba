"""Where a host is: its base URL as users write it, and as the native API needs it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from toolkit.errors import UsageError

DEFAULT_PORT = 11434

_API_ENDINGS = {"/v1": "the OpenAI-compatible API, which drops keep_alive and num_ctx", "/api": "added to every call"}
_BOUND_TO_ALL = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - what servers listen on, read here, not bound to


@dataclass(frozen=True, slots=True)
class Address:
    """A host's base URL, ready for `/api/…` to be put behind it.

    `url` has no credentials, no query and no slash at its end. `name` is what the user calls the host, if anything.
    `authorization` is the header made of credentials in the URL. `notes` are sentences about what was understood
    differently from how it was written, worth one line to the user.
    """

    url: str
    name: str | None = None
    authorization: str | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    @property
    def is_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.url.startswith("https:")

    @property
    def prefix(self) -> str:
        """How a message about this host begins: `host gpu-a: `, or nothing if it has no name."""
        return f"host {self.name}: " if self.name else ""


def parse_address(text: str, name: str | None = None) -> Address:
    """Read a base URL, or a bare `host[:port]` as in OLLAMA_HOST (then http, and port 11434 unless given).

    Raises:
        UsageError: not an address of an HTTP server. Credentials are not repeated in the message.
    """
    written = text.strip()
    has_scheme = "://" in written
    try:
        parts = urlsplit(written if has_scheme else f"http://{written}")
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise _unusable(written, str(error)) from None
    if parts.scheme not in {"http", "https"}:
        raise _unusable(written, f"the scheme {parts.scheme!r} is neither http nor https")
    if not host or not written.isprintable() or any(character.isspace() for character in written):
        raise _unusable(written, "there is no host name in it" if not host else "there is white space in it")
    if parts.query or parts.fragment:
        raise _unusable(written, "a base URL ends with its path, without ? and #")
    path, notes = _without_api_endings(parts.path)
    if host in _BOUND_TO_ALL:
        notes += (f"{host} is what a server listens on; {_BOUND_TO_ALL[host].strip('[]')} is used to reach it",)
    shown_host = _BOUND_TO_ALL.get(host, f"[{host}]" if ":" in host else host)
    if port is None and not has_scheme:
        port = DEFAULT_PORT
    url = f"{parts.scheme}://{shown_host}{'' if port is None else f':{port}'}{path}"
    return Address(url, name, _basic(parts.username, parts.password), notes)


def _without_api_endings(path: str) -> tuple[str, tuple[str, ...]]:
    bare = path.rstrip("/")
    for ending, what in _API_ENDINGS.items():
        if bare.endswith(ending):
            note = f"the base URL ends in {ending} ({what}); it is left off and the native API under /api is used"
            return bare.removesuffix(ending).rstrip("/"), (note,)
    return bare, ()


def _basic(username: str | None, password: str | None) -> str | None:
    if username is None and password is None:
        return None
    pair = f"{unquote(username or '')}:{unquote(password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _unusable(written: str, why: str) -> UsageError:
    shown = written.rpartition("@")[2] if "@" in written else written
    return UsageError(f"{shown!r} is not a base URL: {why}; write http://HOST:PORT, as in http://127.0.0.1:11434")

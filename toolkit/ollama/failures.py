"""From what went wrong to the error that says so: what happened, where, what to do. Pure.

Statuses that are not 2xx have a module of their own, `toolkit.ollama.statuses`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.config.durations import format_duration
from toolkit.ollama.errors import (
    ConnectTimeoutError,
    ErrorLineError,
    FirstByteTimeoutError,
    IdleTimeoutError,
    OllamaError,
    Progress,
    ProtocolError,
    RedirectError,
    StreamBrokeError,
    UnreachableError,
)
from toolkit.ollama.transport import Fault

if TYPE_CHECKING:
    from toolkit.ollama.address import Address

_SHOWN_CHARACTERS = 300
_UNWRAPPED_LEVELS = 8  # the runner's JSON lies in the server's; more levels than that are no message

_SAID_HINTS = (
    ("unexpected eof", "the next request loads the model again"),
    ("file does not exist", "the registry has no such model, so correct the name"),
    ("no space left on device", "make room on the server's disk"),
    ("digest mismatch", "it has thrown the file away, so pull again"),
)


@dataclass(frozen=True, slots=True)
class Where:
    """Which call to which host a message is about; `model` is None for calls about none. `loads`: a load, no prompt."""

    address: Address
    call: str
    model: str | None = None
    loads: bool = False

    @property
    def place(self) -> str:
        """The subject of a sentence: `host gpu-a: POST /api/chat (qwen2.5:7b) at http://10.0.0.5:11434`."""
        model = f" ({quoted(self.model)})" if self.model else ""
        return f"{self.address.prefix}{self.call}{model} at {self.address.url}"


def quoted(text: str) -> str:
    """A foreign text fit for one line of a message: shortened, and without characters that steer a terminal."""
    one_line = " ".join(text.split())
    shown = one_line if len(one_line) <= _SHOWN_CHARACTERS else one_line[: _SHOWN_CHARACTERS - 1] + "…"
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in shown)


def message_of(error: Any) -> str:
    """The sentence in an `error` field: a text, an object with a `message`, or the runner's JSON inside a text."""
    for _ in range(_UNWRAPPED_LEVELS):
        if isinstance(error, dict):
            error = error.get("error", error.get("message", ""))
        elif isinstance(error, str) and error.startswith("{"):
            try:
                error = json.loads(error)
            except (ValueError, RecursionError):
                break
        else:
            break
    return error if isinstance(error, str) else json.dumps(error)


def transport_error(where: Where, fault: Fault, detail: str, limit_ns: int | None, progress: Progress) -> OllamaError:
    """No answer, or an end in the middle of one. `limit_ns` is the limit on connecting."""
    url, prefix = where.address.url, where.address.prefix
    if fault is Fault.CONNECT_TIMEOUT:
        waited = "in time" if limit_ns is None else f"in {format_duration(limit_ns)}"
        return ConnectTimeoutError(f"{prefix}no answer at {url} {waited}; is ollama serve running?", progress)
    if fault is Fault.UNREACHABLE:
        return UnreachableError(
            f"{prefix}cannot connect to {url}: {quoted(detail) or 'no reason given'}; {_connect_hint(detail)}", progress
        )
    if fault is Fault.NOT_HTTP:
        return ProtocolError(
            f"{where.place} was not answered in HTTP ({quoted(detail)}); does the URL point to Ollama?", progress
        )
    if progress.times.headers_ns is None:
        return StreamBrokeError(
            f"{where.place} lost its connection before an answer came{_because(detail)}; "
            "the server stopped or was restarted, look into its log",
            progress,
        )
    return stream_broke(where, f"lost its connection in the middle of the answer{_because(detail)}", progress)


def stream_broke(where: Where, how: str, progress: Progress) -> StreamBrokeError:
    """An answer that began and did not end; `how` is the middle of the sentence."""
    return StreamBrokeError(
        f"{where.place} {how}, {_so_far(progress)}; the server or a proxy before it went down, look into its log",
        progress,
    )


def first_byte_timeout(where: Where, limit_ns: int, progress: Progress) -> FirstByteTimeoutError:
    """The answer did not begin."""
    about_load = "queue, eviction and load lie before the first byte, " if where.model else ""
    return FirstByteTimeoutError(
        f"{where.place} got no first byte in {format_duration(limit_ns)}; "
        f"{about_load}so look into the server's log, or allow more time",
        progress,
    )


def idle_timeout(where: Where, limit_ns: int, progress: Progress) -> IdleTimeoutError:
    """The answer stopped coming."""
    return IdleTimeoutError(
        f"{where.place} sent nothing for {format_duration(limit_ns)} in the middle of the answer, "
        f"{_so_far(progress)}; look into the server's log, or allow a longer pause",
        progress,
    )


def error_line(where: Where, error: Any, progress: Progress) -> ErrorLineError:
    """The server said `{"error": …}` under status 200."""
    said = message_of(error)
    hint = next((hint for words, hint in _SAID_HINTS if words in said.lower()), "look into its log")
    text = f"{where.place} failed {_so_far(progress)}: the server says {quoted(said)!r}; {hint}"
    return ErrorLineError(text, progress, server_message=said)


def protocol_error(where: Where, what: str, progress: Progress) -> ProtocolError:
    """The answer is not Ollama's; `what` is the middle of the sentence."""
    return ProtocolError(f"{where.place} {what}; does the URL point to Ollama?", progress)


def redirect_error(where: Where, status: int, location: str, progress: Progress) -> RedirectError:
    """The host points elsewhere."""
    target = f"to {quoted(location)}" if location else "without saying where to"
    return RedirectError(
        f"{where.place} is redirected {target} (status {status}), which is not followed; "
        "put the final address into the base URL",
        progress,
        status=status,
    )


def _so_far(progress: Progress) -> str:
    """How far the answer had come, as the end of a clause."""
    if progress.doing:
        return f"at {quoted(progress.doing)!r}"
    return f"after {len(progress.text)} characters of text"


def _connect_hint(detail: str) -> str:
    words = detail.lower()
    if "certificate" in words or "ssl" in words or "tls" in words:
        return "check the certificate, or write http:// if the host speaks plain HTTP"
    if "name or service" in words or "getaddrinfo" in words or "name resolution" in words or "nodename" in words:
        return "is the host name right?"
    return "is ollama serve running, and does it listen on that address (OLLAMA_HOST)?"


def _because(detail: str) -> str:
    return f" ({quoted(detail)})" if detail else ""

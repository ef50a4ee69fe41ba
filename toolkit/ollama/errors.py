"""Every way in which a host can fail a request, in one tree.

HostError                          see toolkit.errors; the command line ends with 1
└── OllamaError                    root of these; knows the call and how far it came
    ├── UnreachableError           no connection: refused, no route, unknown name, TLS
    ├── HostTimeoutError           the host was too slow
    │   ├── ConnectTimeoutError    ... to take the connection
    │   ├── FirstByteTimeoutError  ... to begin its answer (queue, eviction and load lie in it)
    │   └── IdleTimeoutError       ... to go on with an answer it had begun
    ├── AnsweredError              the host answered with a status that is not 2xx
    │   ├── BadRequestError        400, or 500 about an option, a format or a template
    │   │   └── UnsupportedError   400 or 501: this model or server cannot do that
    │   ├── ForbiddenError         401, 403: the name in the URL, an origin, a token
    │   ├── ModelMissingError      404 with Ollama's own words
    │   ├── CanceledError          499: the server believes that we went away
    │   ├── ServerBusyError        503 (queue full), 429
    │   ├── LoadFailedError        500 while the model was being loaded
    │   ├── ServerFailedError      any other 5xx
    │   └── RedirectError          3xx; never followed
    ├── BrokenAnswerError          an answer that had begun did not reach its end
    │   ├── StreamBrokeError       the connection was lost, or a line is half
    │   └── ErrorLineError         the server itself said `{"error": ...}` under status 200
    └── ProtocolError              not what Ollama says: another content type, no JSON, a wrong field

A message is one sentence that says what happened, where, and what to do. What the server said is quoted, shortened
and without control characters. The errors can be pickled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.errors import HostError

if TYPE_CHECKING:
    from toolkit.ollama.types import Times


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a call had come when it failed; this is what a run keeps of a failed request.

    `url` is the base URL without credentials, `call` the method and path (`POST /api/chat`). `times.done_ns` is None
    unless the last line had come; `text` and `thinking` are what had arrived of the answer. `doing` is the last status
    that a pull or a creation reported, empty for all other calls.
    """

    url: str
    call: str
    times: Times
    text: str = ""
    thinking: str = ""
    doing: str = ""


class OllamaError(HostError):
    """A call to a host failed; `progress` is None only where no call had begun."""

    def __init__(self, message: str, progress: Progress | None = None) -> None:
        super().__init__(message)
        self.progress = progress


class UnreachableError(OllamaError):
    """No connection: refused, no route, the name is unknown, or TLS could not be agreed."""


class HostTimeoutError(OllamaError):
    """The host was too slow; the subclasses say at what."""


class ConnectTimeoutError(HostTimeoutError):
    """Nobody took the connection in time."""


class FirstByteTimeoutError(HostTimeoutError):
    """The answer did not begin in time."""


class IdleTimeoutError(HostTimeoutError):
    """The answer began, and then nothing came for too long."""


class AnsweredError(OllamaError):
    """The host answered with a status that is not 2xx.

    `server_message` is the text of the server's own error, None if it gave none.
    """

    def __init__(
        self,
        message: str,
        progress: Progress | None = None,
        *,
        status: int = 0,
        server_message: str | None = None,
    ) -> None:
        super().__init__(message, progress)
        self.status = status
        self.server_message = server_message


class BadRequestError(AnsweredError):
    """The server refused the request itself."""


class UnsupportedError(BadRequestError):
    """The model or the server cannot do what was asked (chat, tools, thinking, images, embeddings)."""


class ForbiddenError(AnsweredError):
    """The server or a proxy before it refused access."""


class ModelMissingError(AnsweredError):
    """The host does not have the model."""


class CanceledError(AnsweredError):
    """The server gave the request up because it believed that the client had gone."""


class ServerBusyError(AnsweredError):
    """The server's queue is full."""


class LoadFailedError(AnsweredError):
    """The model could not be loaded; whatever was evicted for it is gone all the same."""


class ServerFailedError(AnsweredError):
    """The server, or a proxy before it, failed."""


class RedirectError(AnsweredError):
    """The host points elsewhere; a measurement must not wander, so redirects are never followed."""


class BrokenAnswerError(OllamaError):
    """An answer that had begun did not reach its end."""


class StreamBrokeError(BrokenAnswerError):
    """The connection was lost in the middle of an answer, or the answer stopped before its last line."""


class ErrorLineError(BrokenAnswerError):
    """The server reported an error of its own under status 200; `server_message` is its text."""

    def __init__(self, message: str, progress: Progress | None = None, *, server_message: str = "") -> None:
        super().__init__(message, progress)
        self.server_message = server_message


class ProtocolError(OllamaError):
    """The host does not speak Ollama's API, or speaks it wrongly."""

"""One exchange as it passes, from the first byte of its request to the end of its answer. No I/O, no clock.

`at_ns` is since 1970, `now_ns` any clock that never goes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.record.asked import ENDPOINTS, read_asked
from toolkit.record.told import AnswerLines, Told
from toolkit.replay.live_record import RESIDENT_BELOW_NS
from toolkit.workload.traces.logged import CHAT, EMBED, ERROR, GENERATE, LOAD, OK, UNLOAD, LoggedRequest

if TYPE_CHECKING:
    from toolkit.record.asked import Asked
    from toolkit.record.heads import Head
    from toolkit.record.sessions import Sessions, Turn

MOST_BODY_BYTES = 64 << 20
"""A longer request (pictures) passes like any other, but what it asks for is not read."""
_FIRST_ERROR_STATUS = 400


class Watch:
    """What is remembered of an exchange; `record` says it when it has ended, however it did."""

    def __init__(self, head: Head, at_ns: int, now_ns: int, sessions: Sessions, *, texts: bool) -> None:
        self.method = head.method
        self._path = head.path
        self._kind = ENDPOINTS.get(head.path) if head.method == b"POST" else None
        self._at_ns, self._began_ns = at_ns, now_ns
        self._sessions, self._texts = sessions, texts
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._asked: Asked | None = None
        self._turn: Turn | None = None
        self._status: int | None = None
        self._first_ns: int | None = None
        self._lines: AnswerLines | None = None

    @property
    def is_recorded(self) -> bool:
        """Whether it makes a model work."""
        return self._kind is not None

    def asked(self, content: bytes) -> None:
        """A piece of the request's body."""
        if self._kind is not None and self._body_bytes <= MOST_BODY_BYTES:
            self._body.append(content)
            self._body_bytes += len(content)

    def asked_all(self) -> None:
        """The request is complete; to be called once it is on its way, because reading it takes time."""
        if self._kind is None or self._body_bytes > MOST_BODY_BYTES:
            return
        self._asked = read_asked(b"".join(self._body), native=self._path.startswith(b"/api/"))
        self._body.clear()
        if self._asked is not None and self._asked.messages:
            self._turn = self._sessions.place(self._asked.messages)

    def answered(self, head: Head) -> None:
        """The head of the answer, the last one if there are interim ones."""
        self._status = head.status
        content_type = (head.header(b"content-type") or b"").partition(b";")[0].strip().lower()
        if self._kind is not None:
            self._lines = AnswerLines(by_line=content_type != b"application/json", texts=self._texts)

    def told(self, content: bytes, now_ns: int) -> None:
        """A piece of the answer's body."""
        if self._lines is not None and content:
            if self._first_ns is None:
                self._first_ns = now_ns
            self._lines.take(content)

    def record(self, outcome: str, now_ns: int) -> LoggedRequest | None:
        """The row of the trace; None for calls that make no model work."""
        if self._kind is None:
            return None
        asked, told = self._asked, Told()
        if self._lines is not None:
            self._lines.end()
            told = self._lines.told()
        if outcome == OK and (told.error is not None or (self._status or 0) >= _FIRST_ERROR_STATUS):
            outcome = ERROR
        kind = self._kind_by(told)
        prompt_tokens, output_tokens, estimated = self._tokens(kind, told)
        if self._turn is not None and prompt_tokens is not None:
            self._turn.tokens = prompt_tokens + (output_tokens or 0)
        with_text = asked is not None and self._texts
        return LoggedRequest(
            at_ns=self._at_ns,
            kind=kind,
            model=None if asked is None else asked.model,
            session=None if self._turn is None else self._turn.session,
            prompt_tokens=prompt_tokens,
            output_tokens=output_tokens,
            shared_prefix_tokens=None if self._turn is None else self._turn.shared_tokens,
            estimated=estimated or None,
            options=None if asked is None else asked.options,
            keep_alive=None if asked is None else asked.keep_alive,
            stream=None if asked is None else asked.stream,
            endpoint=self._path.decode("ascii", "replace"),
            status=self._status,
            outcome=outcome,
            error=told.error,
            cold=None if told.load_ns is None or outcome != OK else told.load_ns >= RESIDENT_BELOW_NS,
            ttft_ns=self._ttft_ns() if kind in {CHAT, GENERATE} and outcome != ERROR else None,
            e2e_ns=now_ns - self._began_ns,
            load_ns=told.load_ns,
            prompt_eval_ns=told.prompt_eval_ns,
            eval_ns=told.eval_ns,
            total_ns=told.total_ns,
            text=asked.text if with_text and asked is not None else None,
            system=asked.system if with_text and asked is not None else None,
            answer=self._lines.text() if with_text and self._lines is not None else None,
        )

    def _kind_by(self, told: Told) -> str:
        """A chat or prompt without content only loads its model or unloads it, and the answer says so."""
        if self._kind in {CHAT, GENERATE} and told.done_reason in {LOAD, UNLOAD}:
            return str(told.done_reason)
        return str(self._kind)

    def _ttft_ns(self) -> int | None:
        streamed = self._asked is not None and self._asked.stream
        return self._first_ns - self._began_ns if streamed and self._first_ns is not None else None

    def _tokens(self, kind: str, told: Told) -> tuple[int | None, int | None, tuple[str, ...]]:
        """What the server counted, else an estimate: of the prompt by its characters, of a stream by its pieces."""
        if kind in {LOAD, UNLOAD}:
            return None, None, ()
        prompt, output = told.prompt_tokens, told.output_tokens
        estimated = []
        if prompt is None and self._asked is not None:
            prompt = self._asked.prompt_tokens
            estimated.append("prompt_tokens")
        failed = told.error is not None or (self._status or 0) >= _FIRST_ERROR_STATUS
        if output is None and kind != EMBED and self._ttft_ns() is not None and self._lines is not None and not failed:
            output = self._lines.pieces
            estimated.append("output_tokens")
        return prompt, output, tuple(estimated)

"""Each request as a line of a plain trace (`docs/traces.md`), which `hotswap compare --trace` plays again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from toolkit.gateway.ask import last_user_text
from toolkit.workload.traces.logged import ERROR, LEFT, LOAD, OK, UNLOAD, UNREACHABLE, LoggedRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.gateway.ask import Ask
    from toolkit.gateway.course import Course
    from toolkit.record.sessions import Sessions

_OUTCOMES = {"ok": OK, "left": LEFT, "host_failed": UNREACHABLE, "host_slow": UNREACHABLE, "no_host": UNREACHABLE}


class Log(Protocol):
    """Where lines go; `toolkit.record.log.TraceLog` is one."""

    def append(self, request: LoggedRequest) -> None:
        """Write a request down; never raises for a file that takes no more."""
        ...


class TraceWriter:
    """Writes courses down. Without `texts` there is nothing in a line that anybody said.

    `sessions` finds the conversations of clients that name none, by their messages. `wall_ns` is Unix time, `clock_ns`
    the clock of the courses.
    """

    def __init__(
        self,
        log: Log,
        sessions: Sessions,
        wall_ns: Callable[[], int],
        clock_ns: Callable[[], int],
        *,
        texts: bool,
    ) -> None:
        self._log = log
        self._sessions = sessions
        self._wall_ns = wall_ns
        self._clock_ns = clock_ns
        self._texts = texts

    def write(self, course: Course) -> None:
        """Write one down that is over."""
        ask, reading = course.ask, course.reading
        tokens = None if reading.prompt_tokens is None else reading.prompt_tokens + (reading.answer_tokens or 0)
        session, shared_tokens = self._place(ask, tokens)
        options = ask.body.get("options")
        ended_ns = course.done_ns or self._clock_ns()
        self._log.append(
            LoggedRequest(
                at_ns=self._wall_ns() - (self._clock_ns() - course.came_ns),
                kind=_kind(ask),
                model=ask.name,
                session=session,
                prompt_tokens=reading.prompt_tokens,
                output_tokens=reading.answer_tokens,
                shared_prefix_tokens=shared_tokens,
                options=_plain(options) if isinstance(options, dict) else None,
                keep_alive=_scalar(ask.body.get("keep_alive")),
                priority=ask.priority or None,
                stream=ask.streams,
                endpoint=ask.endpoint or ask.path,
                status=course.status,
                outcome=_OUTCOMES.get(course.outcome, ERROR),
                error=None if course.outcome in {"ok", "left"} else course.outcome,
                cold=None if course.really is None or course.outcome != "ok" else course.really != "hit",
                ttft_ns=None if course.first_ns is None else course.first_ns - course.came_ns,
                e2e_ns=ended_ns - course.came_ns,
                load_ns=reading.load_ns,
                prompt_eval_ns=reading.prompt_ns,
                eval_ns=reading.answer_ns,
                total_ns=reading.total_ns,
                text=self._text(ask),
                answer="".join(reading.text) if self._texts and reading.text else None,
            )
        )

    def _place(self, ask: Ask, tokens: int | None) -> tuple[str | None, int | None]:
        """The session, and how much of the prompt stood in its last one already."""
        messages = ask.body.get("messages")
        if not isinstance(messages, list) or not messages:
            return ask.session, None
        if ask.session is not None:
            return ask.session, self._sessions.follow(f"{ask.caller}/{ask.session}", messages, tokens)
        turn = self._sessions.place(messages)
        if tokens is not None:
            turn.tokens = tokens
        return turn.session, turn.shared_tokens

    def _text(self, ask: Ask) -> str | None:
        if not self._texts:
            return None
        prompt = ask.body.get("prompt")
        return last_user_text(ask.body.get("messages")) or (prompt if isinstance(prompt, str) else None)


def _kind(ask: Ask) -> str:
    if ask.is_bare:
        return UNLOAD if ask.leaves_after else LOAD
    return ask.kind


def _scalar(value: Any) -> int | float | str | None:
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else None


def _plain(options: dict[str, Any]) -> dict[str, Any] | None:
    """The options that are numbers, texts or truth values."""
    return {name: value for name, value in options.items() if isinstance(value, bool | int | float | str)} or None

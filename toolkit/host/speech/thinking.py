"""Splits what a model writes into its thinking and its answer, as the server does for templates with thinking tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto


class _Phase(Enum):
    BEFORE = auto()
    """Nothing but white space or part of the opening tag so far."""
    STARTED = auto()
    """The tag is there; white space after it is eaten."""
    THINKING = auto()
    ENDED = auto()
    """The closing tag is there; white space after it is eaten."""
    DONE = auto()


@dataclass(slots=True)
class ThinkingSplitter:
    """Feed it the text piece by piece; it gives back what is certain of both kinds."""

    opening: str
    closing: str
    _phase: _Phase = field(default=_Phase.BEFORE)
    _held: str = ""

    def add(self, text: str) -> tuple[str, str]:
        """The thinking and the answer that are certain after this piece."""
        self._held += text
        thinking, answer = "", ""
        going = True
        while going:
            thought, said, going = self._step()
            thinking += thought
            answer += said
        return thinking, answer

    def _take(self) -> str:
        held, self._held = self._held, ""
        return held

    def _step(self) -> tuple[str, str, bool]:
        if self._phase is _Phase.BEFORE:
            return self._look_for_opening()
        if self._phase is _Phase.STARTED:
            self._held = self._held.lstrip()
            if self._held:
                self._phase = _Phase.THINKING
            return "", "", bool(self._held)
        if self._phase is _Phase.THINKING:
            return self._think()
        if self._phase is _Phase.ENDED:
            answer = self._take().lstrip()
            if answer:
                self._phase = _Phase.DONE
            return "", answer, False
        return "", self._take(), False

    def _look_for_opening(self) -> tuple[str, str, bool]:
        trimmed = self._held.lstrip()
        if trimmed.startswith(self.opening):
            self._held = trimmed[len(self.opening) :].lstrip()
            self._phase = _Phase.THINKING if self._held else _Phase.STARTED
            return "", "", True
        if self.opening.startswith(trimmed):
            return "", "", False
        self._phase = _Phase.DONE
        return "", self._take(), False

    def _think(self) -> tuple[str, str, bool]:
        held = self._take()
        if self.closing in held:
            thinking, _, answer = held.partition(self.closing)
            answer = answer.lstrip()
            self._phase = _Phase.DONE if answer else _Phase.ENDED
            return thinking, answer, False
        kept = overlap(held, self.closing)
        self._held = held[len(held) - kept :] if kept else ""
        return held[: len(held) - kept], "", False


def overlap(text: str, marker: str) -> int:
    """How many characters at the end of `text` may be the beginning of `marker`."""
    for length in range(min(len(text), len(marker)), 0, -1):
        if text.endswith(marker[:length]):
            return length
    return 0

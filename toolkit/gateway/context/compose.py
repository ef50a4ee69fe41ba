"""The composition: parts, history and request into exactly what is sent, within the model's context. Pure.

In this order, so that what seldom changes comes first and the server's prefix cache finds as much as possible again:

    one system message   system prompt · the client's own · workspace files · memory files · summary of what fell out
    the recent messages  as they were, from a place that stays until the window is full (`window`)
    older excerpts       that may matter to the question; new each time, so they stand behind everything that stays
    the request          always whole

Room is given in this order: the request with the prompts and tools, files (together at most half of the context), the
recent messages, with an eighth each kept free for summary and excerpts, and at most their budgets. INV-CTX: a report
that is `certain` has a bound within the room; an answer that calls a tool is never without the results it was given.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from toolkit.gateway.context.account import Account, Must, Sent
from toolkit.gateway.context.excerpts import chosen_excerpts, excerpts_message
from toolkit.gateway.context.head import HeadText, cut, dropped, fitted, system_text
from toolkit.gateway.context.parts import (
    Budget,
    Composition,
    ContextOverflowError,
    ContextParts,
    ContextReport,
    Excerpt,
    HeadPart,
    PartReport,
    WindowReport,
)
from toolkit.gateway.context.window import Limits, Places, Unit, block_bytes, units_of
from toolkit.gateway.weight import FRAME_WEIGHT, MESSAGE_WEIGHT, messages_weight, text_weight
from toolkit.ollama.types import ChatMessage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.gateway.sessions.records import History, Summary

_FILES_SHARE = 1 / 2
_SIDE_SHARE = 1 / 8
_JOINT_WEIGHT = text_weight("\n\n")
SUMMARY_HEADING = "## What was said before, in short"
CLIENT_SYSTEM = "the client's system message"


def compose(parts: ContextParts, history: History, request: Sequence[ChatMessage], budget: Budget) -> Composition:
    """What to send so that the model answers `request`, the new messages of the session.

    Raises:
        ContextOverflowError: the request, with the system prompt and the tools, is most likely longer than the room.
    """
    return Draft(parts, history, request, budget).composed(parts.excerpts)


def _from_a_whole_unit(history: History) -> History:
    """Without results at its very beginning: the call that they belong to was not read with them."""
    torn = len(tuple(takewhile(lambda each: each.message.role == "tool", history.messages)))
    return replace(history, messages=history.messages[torn:], omitted=history.omitted + torn) if torn else history


class Draft:
    """A composition up to the older excerpts: whether any are wanted is known only when it is known what falls out.

    The excerpts of `parts` are not looked at. Raises as `compose` does.
    """

    def __init__(self, parts: ContextParts, history: History, request: Sequence[ChatMessage], budget: Budget) -> None:
        self.parts = parts
        self.history = _from_a_whole_unit(history)
        self.request = tuple(request)
        self.budget = budget
        self.tokens = budget.tokens
        self.capacity = budget.tokens.capacity(budget.room_tokens)
        units = units_of(self.history.messages)
        self._must_send = must = self._must(units)
        left = self.capacity - must.weight
        self._is_certain = left >= 0
        if not self._is_certain:
            self._refuse_hopeless(must)
        files, left = self._files(max(left, 0.0))
        self._file_texts = files
        self._window_sent = self._windowed(units[: len(units) - len(must.pinned)], left if self._is_certain else 0.0)

    @property
    def drops(self) -> bool:
        """Whether messages of the session are not sent as they were."""
        return self._window_sent.report.dropped > 0

    @property
    def first(self) -> int | None:
        """The position from which on everything is sent as it was, None if nothing is."""
        return self._window_sent.first

    def _must(self, units: tuple[Unit, ...]) -> Must:
        said = tuple(message for message in self.request if message.role != "system")
        own = next((m.content for m in reversed(self.request) if m.role == "system"), self.history.system)
        prompts = [part for part in self.parts.head if part.budget_tokens is None]
        if own is not None:
            prompts.append(HeadPart(CLIENT_SYSTEM, own))
        head = tuple(fitted(part, math.inf, self.tokens) for part in prompts)
        pinned = units[-1:] if said and said[0].role == "tool" else ()
        tools_weight = text_weight(self.parts.tools)
        said_weight = messages_weight(said)
        weight = FRAME_WEIGHT + MESSAGE_WEIGHT + tools_weight + said_weight
        weight += sum(unit.weight for unit in pinned) + sum(each.weight + _JOINT_WEIGHT for each in head)
        return Must(head, pinned, said, said_weight, tools_weight, weight)

    def _refuse_hopeless(self, must: Must) -> None:
        needed, room = self.tokens.estimate(must.weight), self.budget.room_tokens
        if needed > room:
            raise ContextOverflowError(
                f"the message is too long for the model: with the system prompt and the tools it has about {needed:,}"
                f" tokens, and of the context of {self.budget.context_tokens:,} there are {room:,} beside the room for"
                f" the answer ({self.budget.answer_tokens:,}); shorten it, or ask for a larger num_ctx"
            )

    def _files(self, left: float) -> tuple[tuple[HeadText, ...], float]:
        """The files by budget, in order; then whole ones are left out from the end until they fit beside the request.

        How they are cut does not depend on the request, so that the head stays the same from turn to turn.
        """
        shared = max(self.capacity, 0.0) * _FILES_SHARE
        texts: list[HeadText] = []
        for part in self.parts.head:
            if part.budget_tokens is None:
                continue
            text = fitted(part, shared - _JOINT_WEIGHT, self.tokens)
            shared -= text.weight + _JOINT_WEIGHT
            texts.append(text)
        for index in reversed(range(len(texts))):
            if sum(each.weight + _JOINT_WEIGHT for each in texts if each.text) <= left:
                break
            if texts[index].text:
                texts[index] = dropped(texts[index], "no room beside this request")
        used = sum(each.weight + _JOINT_WEIGHT for each in texts if each.text)
        return tuple(texts), left - used

    def _windowed(self, free: tuple[Unit, ...], left: float) -> Sent:
        must, files = self._must_send, self._file_texts
        side = max(self.capacity, 0.0) * _SIDE_SHARE
        summary_room = min(self.budget.summary_tokens / self.tokens.slope, side)
        excerpt_room = min(self.budget.relevant_tokens / self.tokens.slope, side)
        omitted = self.history.omitted > 0
        limits = Limits(left, self.budget.recent_messages, self._block_bytes(must, files, summary_room + excerpt_room))
        places = Places.of(free, limits)
        start = places.start(limits, omitted=omitted)
        if start > 0 or omitted:  # something falls out, so that there is something to tell and to find
            limits = replace(limits, weight=max(left - summary_room - excerpt_room, 0.0))
            start = places.start(limits, omitted=omitted)
        recent = free[start:]
        left -= sum(unit.weight for unit in recent)
        first = min((unit.position for unit in (*recent, *must.pinned)), default=None)
        self._summary_text, self._summary_report = self._summary(first, min(summary_room, left))
        left -= self._summary_text.weight + _JOINT_WEIGHT if self._summary_text.text else 0.0
        return Sent(recent, first, limits, self._window(places, start, limits), left, excerpt_room)

    def composed(self, excerpts: Sequence[Excerpt]) -> Composition:
        """The whole, with as many of these as there is room for, the most relevant first."""
        must, files, window = self._must_send, self._file_texts, self._window_sent
        recent, first, summary = window.recent, window.first, self._summary_text
        room = 0.0 if must.pinned else min(window.excerpt_room, window.left) - MESSAGE_WEIGHT  # nothing between
        chosen = chosen_excerpts([each for each in excerpts if first is None or each.position < first], room)
        told = excerpts_message(chosen)
        head = system_text((*must.head, *files, summary))
        systems = (ChatMessage("system", head),) if head else ()
        tolds = (told,) if told else ()
        kept = (*recent, *must.pinned)
        messages = (*systems, *(each.message for unit in kept for each in unit.messages), *tolds, *must.request)
        weight = FRAME_WEIGHT + must.tools_weight + messages_weight(systems) + messages_weight(tolds)
        weight += sum(unit.weight for unit in kept) + must.request_weight
        account = Account(self.budget)
        reports = (
            *(each.report for each in (*must.head, *files)),
            self._summary_report,
            account.recent(window),
            account.excerpts(len(chosen), told, len(excerpts), window.report, between=bool(must.pinned)),
            *account.tools(must),
            account.request(must),
        )
        return Composition(
            messages,
            ContextReport(
                self.budget.context_tokens,
                self.budget.answer_tokens,
                self.tokens.bound(weight),
                self.tokens.estimate(weight),
                weight,
                self._is_certain,
                reports,
                window.report,
                self._told_through(first) if summary.text else None,
            ),
        )

    def _block_bytes(self, must: Must, files: tuple[HeadText, ...], sides: float) -> int:
        """By what is left for the window beside a short request: the request itself must not move the places."""
        head = sum(each.weight for each in (*must.head, *files))
        return block_bytes(max(self.capacity - head - must.tools_weight - sides, 0.0))

    def _window(self, places: Places, start: int, limits: Limits) -> WindowReport:
        free, after = places.units, places.after(start)
        recent = free[start:]
        held = sum(unit.weight for unit in recent)
        fill = max(
            min(held / limits.weight, 1.0) if limits.weight > 0 else 1.0,
            min(sum(len(unit.messages) for unit in recent) / max(limits.messages, 1), 1.0),
        )
        older = [each.position for unit in free[:start] for each in unit.messages]
        through = self._told_through(recent[0].position if recent else None)
        untold = [position for position in older if through is None or position > through]
        return WindowReport(
            recent[0].position if recent else None,
            None if after is None else free[after].position,
            round(fill, 3),
            len(older) + self.history.omitted,
            len(untold) + (self.history.omitted if through is None else 0),
        )

    def _newest_before(self, first: int | None) -> Summary | None:
        """The summary that tells the most without telling anything that is sent as it was."""
        fit = (each for each in reversed(self.history.summaries) if first is None or each.through < first)
        return next(fit, None)

    def _told_through(self, first: int | None) -> int | None:
        summary = self._newest_before(first)
        return None if summary is None else summary.through

    def _summary(self, first: int | None, room: float) -> tuple[HeadText, PartReport]:
        name, budget = "summary", self.budget.summary_tokens
        summary = self._newest_before(first)
        if summary is None:
            report = PartReport(name, 0, budget, "absent", "nothing that fell out was summarised yet")
            return HeadText("", 0.0, report), report
        text = f"{SUMMARY_HEADING}\n{summary.text.strip()}"
        room -= _JOINT_WEIGHT
        kept, sent = ("whole", text) if text_weight(text) <= room else ("cut", cut(text, room))
        if sent is None:
            report = PartReport(name, 0, budget, "dropped", "no room beside this request")
            return HeadText("", 0.0, report), report
        weight = text_weight(sent)
        reason = f"tells the messages up to {summary.through}, by {summary.model}"
        report = PartReport(name, self.tokens.part_bound(weight), budget, "whole" if kept == "whole" else "cut", reason)
        return HeadText(sent, weight, report), report

"""What became of each part of a composition, in words and in tokens. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.gateway.context.parts import PartReport
from toolkit.gateway.weight import messages_weight

if TYPE_CHECKING:
    from toolkit.gateway.context.head import HeadText
    from toolkit.gateway.context.parts import Budget, WindowReport
    from toolkit.gateway.context.window import Limits, Unit
    from toolkit.ollama.types import ChatMessage


@dataclass(frozen=True, slots=True)
class Must:
    """What is sent in any case."""

    head: tuple[HeadText, ...]
    pinned: tuple[Unit, ...]  # calls whose results are in the request
    request: tuple[ChatMessage, ...]
    request_weight: float
    tools_weight: float
    weight: float


@dataclass(frozen=True, slots=True)
class Sent:
    """The recent messages that are sent as they were. `left`: the weight that is left for what stands behind them."""

    recent: tuple[Unit, ...]
    first: int | None  # the position from which on everything is sent as it was
    limits: Limits
    report: WindowReport
    left: float
    excerpt_room: float


class Account:
    """The account of the parts beside the head, whose texts bring their own."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._tokens = budget.tokens

    def recent(self, sent: Sent) -> PartReport:
        """The messages that are sent as they were."""
        recent, window, limits = sent.recent, sent.report, sent.limits
        count = sum(len(unit.messages) for unit in recent)
        tokens = self._tokens.part_bound(sum(unit.weight for unit in recent))
        budget = max(math.floor(self._tokens.slope * limits.weight), 0)
        if not recent:
            kept, reason = ("dropped", "no room beside this request") if window.dropped else ("absent", "a new session")
        elif window.dropped:
            kept = "cut"
            reason = f"the newest {count}, from message {window.start}; {window.dropped} older ones are not sent"
        else:
            kept, reason = "whole", f"all {count} messages of the session"
        return PartReport("recent messages", tokens, budget, kept, reason)  # type: ignore[arg-type] # one of Kept

    def excerpts(
        self, chosen: int, told: ChatMessage | None, offered: int, window: WindowReport, *, between: bool
    ) -> PartReport:
        """The older messages that are told of; `between`: they would stand between a call and its result."""
        name, budget = "relevant older messages", self._budget.relevant_tokens
        if told is not None:
            return PartReport(
                name,
                self._tokens.part_bound(messages_weight([told])),
                budget,
                "whole" if chosen == offered else "cut",
                f"{chosen} of {offered} that were found",
            )
        if not window.dropped:
            return PartReport(name, 0, budget, "absent", "every message is sent as it was")
        if between:
            return PartReport(name, 0, budget, "dropped", "nothing may stand between a call and its result")
        if not offered:
            return PartReport(name, 0, budget, "absent", "none was found")
        return PartReport(name, 0, budget, "dropped", "those found are sent as they were, or there is no room")

    def tools(self, must: Must) -> tuple[PartReport, ...]:
        """The descriptions of tools, if there are any."""
        if not must.tools_weight:
            return ()
        return (PartReport("tools", self._tokens.part_bound(must.tools_weight), None, "whole", "always sent"),)

    def request(self, must: Must) -> PartReport:
        """The request itself."""
        weight = must.request_weight + sum(unit.weight for unit in must.pinned)
        reason = "always whole" if not must.pinned else "always whole, with the calls whose results it brings"
        return PartReport("request", self._tokens.part_bound(weight), None, "whole", reason)

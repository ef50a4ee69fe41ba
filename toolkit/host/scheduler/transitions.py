"""The states of both loops and every way between them: the code moves by these tables, the diagram shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from toolkit.errors import SimulationError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Transition(NamedTuple):
    """In `state`, `event` leads to `target`."""

    state: str
    event: str
    target: str


IDLE = "idle"
LOOKING = "looking"
AT_GATE = "at_gate"
POSTING = "posting"
AWAITING_UNLOAD = "awaiting_unload"
AWAITING_ALL_UNLOADS = "awaiting_all_unloads"
LOADING = "loading"
UP_AT_GATE = "up_at_gate"
KILLING = "killing"
FAILING = "failing"
FAILED_AT_GATE = "failed_at_gate"

PENDING_TRANSITIONS = (
    Transition(IDLE, "request_dropped", IDLE),
    Transition(IDLE, "request_taken", LOOKING),
    Transition(LOOKING, "gate_closed", AT_GATE),
    Transition(AT_GATE, "gate_open", LOOKING),
    Transition(LOOKING, "found_loaded", IDLE),
    Transition(LOOKING, "victim_chosen", POSTING),
    Transition(LOOKING, "nobody_to_evict", LOOKING),
    Transition(POSTING, "victim_told", AWAITING_UNLOAD),
    Transition(POSTING, "all_told", AWAITING_ALL_UNLOADS),
    Transition(AWAITING_UNLOAD, "unload_signal", LOOKING),
    Transition(AWAITING_ALL_UNLOADS, "last_unload_signal", LOOKING),
    Transition(LOOKING, "process_started", LOADING),
    Transition(LOADING, "process_up", IDLE),
    Transition(LOADING, "process_up_gate_closed", UP_AT_GATE),
    Transition(UP_AT_GATE, "gate_open", IDLE),
    Transition(LOADING, "process_crashed", FAILING),
    Transition(LOADING, "client_gone", KILLING),
    Transition(KILLING, "process_gone", FAILING),
    Transition(FAILING, "gate_closed", FAILED_AT_GATE),
    Transition(FAILED_AT_GATE, "gate_open", FAILING),
    Transition(FAILING, "try_again", LOOKING),
    Transition(FAILING, "evict_all", POSTING),
    Transition(FAILING, "give_up", IDLE),
)
"""The loop that takes queued requests, one at a time, and loads."""

IN_LINE = "in_line"
ENDING = "process_ending"
RECOVERING = "memory_recovering"
SIGNALLING = "signalling"
STUCK = "stuck"

COMPLETION_TRANSITIONS = (
    Transition(IDLE, "work_taken_behind_others", IN_LINE),
    Transition(IN_LINE, "turn_has_come", IDLE),
    Transition(IDLE, "end_of_request", IDLE),
    Transition(IDLE, "notice_for_busy_runner", IDLE),
    Transition(IDLE, "notice_for_gone_runner", IDLE),
    Transition(IDLE, "notice_for_idle_runner", ENDING),
    Transition(IDLE, "own_notice_finds_no_place", STUCK),
    Transition(ENDING, "process_gone", RECOVERING),
    Transition(RECOVERING, "memory_back", SIGNALLING),
    Transition(SIGNALLING, "signal_accepted", IDLE),
)
"""The side that handles ends of requests, keep-alive timers and unloads."""


class Table:
    """Transitions as a lookup. The names of both tables are what the tests and the diagram cover."""

    __slots__ = ("_next",)

    def __init__(self, transitions: Iterable[Transition]) -> None:
        self._next = {(state, event): target for state, event, target in transitions}

    def target(self, state: str, event: str) -> str:
        """The next state. Raises SimulationError for a step that is not in the table."""
        try:
            return self._next[state, event]
        except KeyError:
            raise SimulationError(f"the scheduler cannot do {event!r} while it is {state!r}") from None


def mermaid(transitions: Iterable[Transition]) -> str:
    """The state diagram of a table as Mermaid text."""
    lines = ["stateDiagram-v2", f"    [*] --> {IDLE}"]
    lines.extend(f"    {step.state} --> {step.target}: {step.event.replace('_', ' ')}" for step in transitions)
    return "\n".join(lines)

"""What became of each request, in words that the recording and the twin share, and how to read them off a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.timing.recording import Life, Recording, Sent

Found = Literal["hit", "joined", "cold", "reload"]
READ_NS = 2_000_000
"""From sending until the server works on a request, as a resident model's `load_duration` shows."""
ANSWER_NS = 4_000_000
"""What an answer takes besides its prompt and its tokens: the recorded median."""
LOG_SLACK_NS = 50_000_000
"""A load's end in the log and in its request's counters lie this close together, or it is another request's load."""


@dataclass(frozen=True, slots=True)
class Undone:
    """An eviction that a request for the victim undid: who waited for it, for how long, and the victim."""

    number: int
    victim: str
    waited_ns: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request found its model, how long it waited for it (None: not known), when its answer was complete."""

    found: Found
    wait_ns: int | None
    end_ns: int
    victims: tuple[str, ...]
    busy_victims: tuple[str, ...]
    undone: Undone | None


def outcomes_of(recording: Recording) -> dict[int, Outcome]:
    """Outcomes by number; unload calls have none.

    A process belongs to the longest waiting request for its model at its start: loads are served in order.
    """
    loaders = loaders_of(recording)
    outcomes: dict[int, Outcome] = {}
    for request in recording.requests:
        if request.kind == "unload":
            continue
        life = loaders.get(request.number)
        if life is None or life.ready_ns is None:
            serving = serving_life(recording, request)
            found: Found = "hit" if _was_ready(serving, request) else "joined"
            outcomes[request.number] = Outcome(found, request.wait_ns, request.end_ns, (), (), None)
            continue
        wait_ns = life.ready_ns - request.sent_ns if request.wait_ns is None else request.wait_ns
        undone = next((one for one in life.evictions if one.undone), None)
        outcomes[request.number] = Outcome(
            "reload" if any(one.reload for one in life.evictions) else "cold",
            wait_ns,
            request.end_ns,
            tuple(one.victim for one in life.evictions),
            tuple(one.victim for one in life.evictions if one.busy),
            Undone(request.number, undone.victim, life.start_ns - undone.at_ns) if undone else None,
        )
    return outcomes


def loaders_of(recording: Recording) -> dict[int, Life]:
    """Which request each process was started for."""
    taken: dict[int, Life] = {}
    for life in recording.lives:
        candidates = [
            request
            for request in recording.requests
            if request.model == life.model
            and request.kind != "unload"
            and request.number not in taken
            and request.sent_ns <= life.start_ns
            and _served_at_the_end_of(life, request)
        ]
        if candidates:
            taken[min(candidates, key=lambda request: request.sent_ns).number] = life
    return taken


def _served_at_the_end_of(life: Life, request: Sent) -> bool:
    """Whether the request's own counters put its wait's end at the end of this load (or do not say)."""
    if life.ready_ns is None or request.end_ns < life.ready_ns - LOG_SLACK_NS:
        return False
    if request.wait_ns is None:
        return True
    return abs(request.sent_ns + request.wait_ns - life.ready_ns) < LOG_SLACK_NS


def serving_life(recording: Recording, request: Sent) -> Life:
    """The process that answered: the last of its model that was ready before the answer ended."""
    return next(
        life
        for life in reversed(recording.lives)
        if life.model == request.model
        and life.ready_ns is not None
        and life.ready_ns <= request.end_ns + ANSWER_NS
        and (life.gone_ns is None or life.gone_ns >= request.headers_ns - ANSWER_NS)
    )


def _was_ready(life: Life, request: Sent) -> bool:
    if request.wait_ns is not None:
        return request.wait_ns < LOG_SLACK_NS
    return life.ready_ns is not None and life.ready_ns <= request.sent_ns + READ_NS


def service_ns_of(recording: Recording, *, derive: bool = False) -> Mapping[int, int]:
    """How long each answer took once it had its runner to itself: an input of the replay, not something it predicts.

    The counters say it. `/v1` has none: there it is derived, as the time from the moment when its runner was free for
    it (it was ready, the request had come, the answer before was complete) to the end of the answer. `derive` does so
    for all answers, to see how good that is.
    """
    service: dict[int, int] = {}
    last_end: dict[int, int] = {}
    for request in sorted(recording.requests, key=lambda request: request.end_ns):
        if request.kind in {"unload", "load"}:
            continue
        life = serving_life(recording, request)
        if derive or request.kind == "v1":
            free_ns = max(request.sent_ns + READ_NS, life.ready_ns or 0, last_end.get(life.start_ns, 0))
            service[request.number] = max(request.end_ns - free_ns, 1)
        else:
            service[request.number] = _counted_ns(request)
        last_end[life.start_ns] = request.end_ns
    return service


def _counted_ns(request: Sent) -> int:
    counters = request.counters
    if request.kind == "embed":
        taken: int = counters["total_duration"] - counters["load_duration"]
    else:
        taken = counters["prompt_eval_duration"] + counters["eval_duration"] + ANSWER_NS
    return taken

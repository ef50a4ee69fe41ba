"""What became of each request, in words that a recording and the twin share, and how to read them off a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from toolkit.measure.recording import Recording, Sent
    from toolkit.measure.server_log import Life

Found = Literal["hit", "joined", "cold", "reload"]
LOADED: tuple[Found, ...] = ("cold", "reload")
"""A process was started for it: what is called cold when requests are either cold or not."""
READ_NS = 2_000_000
"""From sending until the server works on a request, as a resident model's `load_duration` shows."""
ANSWER_NS = 4_000_000
"""What an answer takes besides its prompt and its tokens: the recorded median."""
LOG_SLACK_NS = 50_000_000
"""A load's end in the log and in its request's counters lie this close together, or it is another request's load."""
LEAST_LOAD_NS = 100_000_000
"""No load is shorter; where there is no log, a longer wait tells that a model was not simply there."""


@dataclass(frozen=True, slots=True)
class Undone:
    """An eviction that a request for the victim undid: who waited for it, for how long, and the victim."""

    number: int
    victim: str
    waited_ns: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request found its model, how long it waited for it (None: not known), when its answer was complete.

    `first_ns` is when its first byte came (None: it asked for no answer). Times are since the recording's zero.
    """

    found: Found
    wait_ns: int | None
    first_ns: int | None
    end_ns: int
    victims: tuple[str, ...]
    busy_victims: tuple[str, ...]
    undone: Undone | None


def outcomes_of(recording: Recording) -> dict[int, Outcome]:
    """Outcomes by number; unload calls and failures have none.

    With a log a process belongs to the longest waiting request for its model at its start: loads are served in order.
    """
    if not recording.has_log:
        return _without_log(recording)
    loaders = loaders_of(recording)
    outcomes: dict[int, Outcome] = {}
    for request in recording.requests:
        if request.kind == "unload" or not request.answered:
            continue
        life = loaders.get(request.number)
        if life is None or life.ready_ns is None:
            outcomes[request.number] = _plain("hit" if _was_ready(recording, request) else "joined", request)
            continue
        undone = next((one for one in life.evictions if one.undone), None)
        outcomes[request.number] = Outcome(
            "reload" if any(one.reload for one in life.evictions) else "cold",
            life.ready_ns - request.sent_ns if request.wait_ns is None else request.wait_ns,
            request.first_byte_ns if request.answers else None,
            request.end_ns,
            tuple(one.victim for one in life.evictions),
            tuple(one.victim for one in life.evictions if one.busy),
            Undone(request.number, undone.victim, life.start_ns - undone.at_ns) if undone else None,
        )
    return outcomes


def _plain(found: Found, request: Sent) -> Outcome:
    first_ns = request.first_byte_ns if request.answers else None
    return Outcome(found, request.wait_ns, first_ns, request.end_ns, (), (), None)


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


def serving_life(recording: Recording, request: Sent) -> Life | None:
    """The process that answered: the last of its model that was ready before the answer ended; None: not in the log."""
    return next(
        (
            life
            for life in reversed(recording.lives)
            if life.model == request.model
            and life.ready_ns is not None
            and life.ready_ns <= request.end_ns + ANSWER_NS
            and (life.gone_ns is None or life.gone_ns >= request.headers_ns - ANSWER_NS)
        ),
        None,
    )


def _was_ready(recording: Recording, request: Sent) -> bool:
    if request.wait_ns is not None:
        return request.wait_ns < LOG_SLACK_NS
    life = serving_life(recording, request)
    return life is not None and life.ready_ns is not None and life.ready_ns <= request.sent_ns + READ_NS


def _without_log(recording: Recording) -> dict[int, Outcome]:
    """The same by the counters alone: of those whose long waits for one model end together, the first sent loaded it.

    `/v1` has no counters. It is taken to have loaded its model if `/api/ps` did not list it before, and no other
    request for it was under way. Victims and undone evictions are not known.
    """
    outcomes: dict[int, Outcome] = {}
    loads: list[tuple[str, int]] = []
    for request in sorted(recording.requests, key=lambda request: request.sent_ns):
        if request.kind == "unload" or not request.answered:
            continue
        if request.wait_ns is None:
            listed = request.listed_before is None or request.model in request.listed_before
            found: Found = "hit" if listed else "joined" if _under_way(recording, request) else "cold"
        elif request.wait_ns < LEAST_LOAD_NS:
            found = "hit"
        else:
            ready_ns = request.sent_ns + request.wait_ns
            together = any(model == request.model and abs(ready_ns - other) < LOG_SLACK_NS for model, other in loads)
            found = "joined" if together else "cold"
            loads.append((request.model, ready_ns))
        outcomes[request.number] = _plain(found, request)
    return outcomes


def _under_way(recording: Recording, request: Sent) -> bool:
    return any(
        other.model == request.model
        and other.number != request.number
        and other.answers
        and other.sent_ns <= request.sent_ns < other.end_ns
        for other in recording.requests
    )

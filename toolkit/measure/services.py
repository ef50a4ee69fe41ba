"""How long each recorded answer took once it had its runner to itself, and when its runner was really at work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.measure.outcomes import ANSWER_NS, READ_NS, serving_life

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.measure.recording import Recording, Sent


@dataclass(frozen=True, slots=True)
class Service:
    """An answer: `first_ns` until its first token (of `total_ns` altogether); `counted` by the server's counters.

    `begin_ns` and `end_ns` are when, since the recording's zero.
    """

    number: int
    model: str
    first_ns: int
    total_ns: int
    begin_ns: int
    end_ns: int
    counted: bool


def services_of(recording: Recording, *, derive: bool = False) -> Mapping[int, Service]:
    """The services by the request's number.

    The counters say it. `/v1` has none: there it is derived, as the time from the moment when its runner was free for
    it (it was ready, the request had come, the answer before was complete) to the end of the answer. `derive` does so
    for all answers, to see how good that is.
    """
    services: dict[int, Service] = {}
    last_end: dict[object, int] = {}
    for request in sorted(recording.requests, key=lambda request: request.end_ns):
        if not request.answers or not request.answered:
            continue
        life = serving_life(recording, request)
        runner: object = request.model if life is None else life.start_ns
        if derive or not _has_counters(request):
            ready_ns = 0 if life is None or life.ready_ns is None else life.ready_ns
            free_ns = max(request.sent_ns + READ_NS, ready_ns, last_end.get(runner, 0))
            total_ns = max(request.end_ns - free_ns, 1)
            first_ns = min(max(request.first_byte_ns - free_ns, 1), total_ns)
            counted = False
        else:
            first_ns, total_ns = _counted_ns(request)
            counted = True
        services[request.number] = Service(
            request.number, request.model, first_ns, total_ns, request.end_ns - total_ns, request.end_ns, counted
        )
        last_end[runner] = request.end_ns
    return services


def _has_counters(request: Sent) -> bool:
    needed = ("total_duration", "load_duration") if request.kind == "embed" else ("prompt_eval_count", "load_duration")
    return all(name in request.counters for name in needed)


def _counted_ns(request: Sent) -> tuple[int, int]:
    counters = request.counters
    if request.kind == "embed":
        total_ns: int = counters["total_duration"] - counters["load_duration"]
        return total_ns, total_ns
    first_ns: int = counters.get("prompt_eval_duration", 0) + ANSWER_NS
    return first_ns, first_ns + counters.get("eval_duration", 0)

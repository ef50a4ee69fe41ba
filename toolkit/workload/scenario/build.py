"""A scenario and a seed as a plan; pure, so that the same two always give the same plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from toolkit.workload.plan import Plan, Slo
from toolkit.workload.scenario.conversation import Opening, Streams, requests_of
from toolkit.workload.scenario.pick import picks
from toolkit.workload.scenario.schema import ClosedArrivals
from toolkit.workload.streams import stream
from toolkit.workload.tokens import CHARACTERS_PER_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.workload.plan import PlannedRequest
    from toolkit.workload.scenario.schema import Scenario

MAX_REQUESTS = 250_000


class PlanTooLongError(ValueError):
    """The scenario would make more requests than a plan may hold."""


@dataclass(slots=True)
class _Timeline:
    """The requests so far, each with the moment it would have if every answer took no time; that is their order."""

    moments: dict[str, int] = field(default_factory=dict)
    requests: list[PlannedRequest] = field(default_factory=list)

    def add(self, request: PlannedRequest) -> None:
        _check_length(len(self.requests) + 1)
        before_ns = 0 if request.after is None else self.moments[request.after]
        self.moments[request.id] = (request.at_ns or 0) + before_ns + request.think_ns
        self.requests.append(request)

    def in_order(self) -> tuple[PlannedRequest, ...]:
        """By moment; whoever follows somebody comes after him also where the moments are equal."""
        return tuple(sorted(self.requests, key=lambda request: self.moments[request.id]))

    def end_ns(self) -> int:
        return max(self.moments.values(), default=0)


def build_plan(scenario: Scenario, *, seed: int, source: str, source_sha256: str) -> Plan:
    """All requests of a scenario. The plan is empty if nobody comes within the duration.

    Streams: `arrivals` (moments, and pauses between prompts of a closed loop), `prompts` (which prompt), `lengths`
    (tokens), `think` (pauses within conversations). In a closed loop `duration_ns` is the time it would take if every
    answer came at once.

    Raises:
        PlanTooLongError: more than `MAX_REQUESTS`.
    """
    timeline = _Timeline()
    for request in _closed(scenario, seed) if isinstance(scenario.arrivals, ClosedArrivals) else _open(scenario, seed):
        timeline.add(request)
    slos = tuple(Slo(metric=slo.metric, limit_ns=slo.within, share=slo.share) for slo in scenario.slos)
    return Plan(
        name=scenario.name,
        description=scenario.description,
        requests=timeline.in_order(),
        duration_ns=timeline.end_ns() if scenario.duration is None else scenario.duration,
        seed=seed,
        slos=slos,
        source=source,
        source_sha256=source_sha256,
        notes=(f"Prompt tokens of written texts are estimated at {CHARACTERS_PER_TOKEN} characters a token.",),
    )


def _check_length(requests: int) -> None:
    if requests > MAX_REQUESTS:
        raise PlanTooLongError(f"more than {MAX_REQUESTS:,} requests, the most a plan can hold")


def _streams(seed: int) -> Streams:
    return Streams(lengths=stream(seed, "lengths"), think=stream(seed, "think"))


def _open(scenario: Scenario, seed: int) -> Iterator[PlannedRequest]:
    """People come when they come; a conversation that has begun is finished, also after the duration."""
    if isinstance(scenario.arrivals, ClosedArrivals) or scenario.duration is None:
        raise TypeError("an open loop has an arrival process and a duration")
    duration_ns = scenario.duration
    moments = scenario.arrivals.build().offsets_ns(stream(seed, "arrivals"))
    starts = tuple(islice(takewhile(lambda moment: moment < duration_ns, moments), MAX_REQUESTS + 1))
    _check_length(len(starts))  # before anything is made of them: this is quick
    chosen = picks(scenario, stream(seed, "prompts"))
    streams = _streams(seed)
    for number, at_ns in enumerate(starts, start=1):
        opening = Opening(number, at_ns, after=None, think_ns=0)
        yield from requests_of(next(chosen), opening, scenario, streams)


def _closed(scenario: Scenario, seed: int) -> Iterator[PlannedRequest]:
    """Users take turns in picking, so that more prompts for each only continue the plan."""
    if not isinstance(scenario.arrivals, ClosedArrivals):
        raise TypeError("a closed loop has users")
    pause, rng = scenario.arrivals.think.build(), stream(seed, "arrivals")
    chosen = picks(scenario, stream(seed, "prompts"))
    streams = _streams(seed)
    users = scenario.arrivals.users
    _check_length(users * scenario.arrivals.prompts_per_user)
    last: list[str | None] = [None] * users
    for number in range(users * scenario.arrivals.prompts_per_user):
        user, think_ns = number % users, int(pause.at(rng.random()))
        before = last[user]
        opening = Opening(
            number + 1,
            at_ns=think_ns if before is None else None,
            after=before,
            think_ns=0 if before is None else think_ns,
        )
        for request in requests_of(next(chosen), opening, scenario, streams):
            last[user] = request.id
            yield request

"""Plays a plan against several simulated hosts on one clock, each with its own models and its own client.

Whoever follows an answer of one host may go to another one, so hosts cannot be played one after the other: whichever
has the next thing to happen goes on up to that moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.replay.dispatch import Followers
from toolkit.replay.virtual import Player

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.host.twin_spec import TwinSpec
    from toolkit.replay.dispatch import Dispatcher
    from toolkit.replay.records import RequestRecord, ResidencySpan
    from toolkit.replay.turns import Turns
    from toolkit.workload.plan import Plan, PlannedRequest


@dataclass(frozen=True, slots=True)
class Member:
    """One host of a fleet with a fresh client for it."""

    spec: TwinSpec
    dispatcher: Dispatcher
    turns: Turns | None = None


def play_fleet(
    plan: Plan, members: Sequence[Member], place_of: Callable[[PlannedRequest], int], repetition: int
) -> tuple[tuple[tuple[RequestRecord, ...], tuple[ResidencySpan, ...]], ...]:
    """Records and stays in memory, host by host; `place_of` is the router that knows which host has a request's model.

    The first host draws as a host alone would, the others from streams of their own.
    """
    places = {request.id: place_of(request) for request in plan.requests}
    if len(members) == 1:
        (alone,) = members
        records, spans, _ = Player(
            plan, alone.dispatcher, alone.spec, f"{plan.seed}:{repetition}", turns=alone.turns
        ).run()
        return ((records, spans),)
    followers = Followers(plan)
    players: list[Player] = []

    def pass_on(request: PlannedRequest, due_ns: int) -> None:
        players[places[request.id]].expect(request, due_ns)

    for place, member in enumerate(members):
        share = replace(plan, requests=tuple(one for one in plan.requests if places[one.id] == place))
        seed = f"{plan.seed}:{repetition}" + (f":host {place}" if place else "")
        players.append(
            Player(
                share, member.dispatcher, member.spec, seed, turns=member.turns, followers=followers, pass_on=pass_on
            )
        )
    for player in players:
        player.begin()
    while (first := _first(players)) is not None:
        first[1].run_until(first[0])
    return tuple((records, spans) for records, spans, _ in (player.finish() for player in players))


def _first(players: Sequence[Player]) -> tuple[int, Player] | None:
    """Whoever has the next thing to happen, and when; among equals the first host."""
    due = [(player.next_ns, place) for place, player in enumerate(players)]
    some = [(next_ns, place) for next_ns, place in due if next_ns is not None]
    if not some:
        return None
    next_ns, place = min(some)
    return next_ns, players[place]

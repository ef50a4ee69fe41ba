"""Several hosts on one clock."""

from __future__ import annotations

from pathlib import Path

from toolkit.config.models import Config
from toolkit.experiment.setup import setup_from_config
from toolkit.experiment.simulate import simulate
from toolkit.replay.fleet import Member, play_fleet
from toolkit.workload.scenario import load_scenario

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
SETUP = setup_from_config(Config(), None)


def member() -> Member:
    return Member(SETUP.spec, SETUP.dispatcher("lru-unload"))


def test_a_fleet_of_one_is_the_host_alone() -> None:
    plan = load_scenario(SCENARIOS / "coding-afternoon.yaml")
    alone = next(simulate(SETUP, [plan], ["lru-unload"]))
    ((records, spans),) = play_fleet(plan, [member()], lambda _request: 0, 0)
    assert records == alone.records
    assert spans == alone.residency


def test_a_conversation_may_go_from_host_to_host_and_nobody_is_lost() -> None:
    """Each model on a host of its own: no model is ever loaded twice but for expiry, and turns keep their pauses."""
    plan = load_scenario(SCENARIOS / "coding-afternoon.yaml")
    models = sorted({SETUP.router.route(request.text).model for request in plan.requests})
    played = play_fleet(
        plan,
        [member() for _ in models],
        lambda request: models.index(request.model or SETUP.router.route(request.text).model),
        0,
    )
    by_id = {record.id: record for records, _ in played for record in records}
    assert set(by_id) == {request.id for request in plan.requests}
    crossed = 0
    for request in plan.requests:
        if request.after is not None:
            before, after = by_id[request.after], by_id[request.id]
            assert before.done_ns is not None
            assert after.intended_ns == before.done_ns + request.think_ns
            crossed += before.model != after.model
    assert crossed > 0
    for (records, _), model in zip(played, models, strict=True):
        assert {record.model for record in records} == {model}
        assert not any(record.evicted for record in records)

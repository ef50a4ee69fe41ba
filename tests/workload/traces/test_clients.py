"""A client mix: seeded, each client on its own, wrong files named by line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from toolkit.config.durations import NS_PER_S
from toolkit.errors import InputError
from toolkit.workload.traces import KeepOrDeal, guess_format, load_trace

if TYPE_CHECKING:
    from toolkit.workload.plan import Plan

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "traces" / "clients.yaml"
MODELS = KeepOrDeal((("dealt", 1.0),), {})
ONE = """duration: 1h
clients:
  - name: a
    arrivals: {kind: constant, rate: 60/h}
    prompt_tokens: 9
    output_tokens: 7
"""


def drawn(path: Path, seed: int = 1) -> Plan:
    return load_trace(path, "client-mix", models=MODELS, seed=seed)


def test_each_client_asks_in_its_own_way() -> None:
    plan = drawn(FIXTURE)
    job = [request for request in plan.requests if request.session == "nightly-job"]
    people = {request.session for request in plan.requests} - {"nightly-job"}
    assert people == {"person-1", "person-2"}
    assert {(request.model, request.output_tokens, request.options, request.priority) for request in job} == {
        ("qwen2.5:32b", 150, (("num_ctx", 8192),), 1)
    }
    assert max(request.prompt_tokens for request in job) <= 8000
    assert {request.model for request in plan.requests if request.session in people} == {"dealt"}
    assert len({request.id for request in plan.requests}) == len(plan.requests)
    assert f"nightly-job {len(job)}, person {len(plan.requests) - len(job)} requests." in plan.notes[0]


def test_start_and_end_bound_a_client(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(ONE + "    start: 10m\n    end: 20m\n", encoding="utf-8")
    moments = [request.at_ns for request in drawn(path).requests]
    assert moments == [minute * 60 * NS_PER_S for minute in range(10)]  # a trace begins with its first request


def test_a_seed_is_a_traffic_and_another_client_leaves_the_first_as_it_was(tmp_path: Path) -> None:
    assert drawn(FIXTURE) == drawn(FIXTURE)
    assert drawn(FIXTURE).requests != drawn(FIXTURE, seed=2).requests
    more = tmp_path / "more.yaml"
    extra = "  - {name: z, arrivals: {kind: poisson, rate: 600/h}, prompt_tokens: 5, output_tokens: 5}\n"
    more.write_text(FIXTURE.read_text(encoding="utf-8") + extra, encoding="utf-8")
    lengths = [
        [(one.prompt_tokens, one.output_tokens) for one in drawn(path).requests if one.session != "z"]
        for path in (FIXTURE, more)
    ]
    assert lengths[0] == lengths[1]


def test_json_is_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "mix.json"
    path.write_text(
        '{"duration": "1h", "clients": [{"name": "a", "arrivals": {"kind": "constant", "rate": "60/h"}, '
        '"prompt_tokens": 9, "output_tokens": 7}]}',
        encoding="utf-8",
    )
    assert guess_format(path) == "client-mix"
    assert len(drawn(path).requests) == 60


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("duration: 1h", "duration: 0s", ":1: duration: say how long clients keep coming"),
        ("rate: 60/h", "rate: often", ":4: clients[0].arrivals.rate"),
        ("output_tokens", "output", "clients[0].output: unknown"),
        ("kind: constant", "kind: closed", ":4: clients[0].arrivals"),
    ],
)
def test_a_wrong_file_is_named_by_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(ONE.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        drawn(path)
    assert message in str(caught.value).removeprefix(str(path))


def test_two_clients_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(ONE + ONE.partition("clients:\n")[2], encoding="utf-8")
    with pytest.raises(InputError, match="two clients are called 'a'"):
        drawn(path)

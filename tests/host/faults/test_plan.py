"""Plans as data and as files."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest

from toolkit.errors import InputError
from toolkit.host.faults.conditions import ClockJump, GpuMemoryTaken, SlowDisk
from toolkit.host.faults.delays import Stall
from toolkit.host.faults.garbling import HttpError
from toolkit.host.faults.loads import OutOfMemory
from toolkit.host.faults.plan import KINDS, FaultPlan, kind_of, load_faults
from toolkit.host.faults.when import LoadWhen, RequestWhen, Span

if TYPE_CHECKING:
    from pathlib import Path

NS_PER_S = 1_000_000_000
GOOD = """\
seed: 7
faults:
  - fault: stall
    for: 30s
    when: {path: /api/chat, nth: 2, method: POST}
  - fault: out_of_memory
    when: {model: "qwen2.5:32b", times: 1, after: 1m, before: 1h30m}
  - {fault: gpu_memory_taken, memory: 12GiB, gpu: 1, span: {on: {path: "/api/*", nth: [3, 5]}, for: 30s}}
  - {fault: clock_jump, by: -90s, span: {at: 5s}}
  - {fault: slow_disk, read: 50MB/s}
  - fault: http_error
"""
PLAN = FaultPlan(
    (
        Stall(for_ns=30 * NS_PER_S, when=RequestWhen(path="/api/chat", nth=(2,), method="POST")),
        OutOfMemory(
            when=LoadWhen(model="qwen2.5:32b", times=1, after_ns=60 * NS_PER_S, before_ns=5400 * NS_PER_S),
        ),
        GpuMemoryTaken(
            memory_bytes=12 << 30, gpu=1, span=Span(on=RequestWhen(path="/api/*", nth=(3, 5)), for_ns=30 * NS_PER_S)
        ),
        ClockJump(by_ns=-90 * NS_PER_S, span=Span(at_ns=5 * NS_PER_S)),
        SlowDisk(read_bytes_per_s=50_000_000),
        HttpError(),
    ),
    seed=7,
)


@pytest.fixture
def faults_file(tmp_path: Path) -> Path:
    return tmp_path / "faults.yaml"


def test_a_file_is_read_into_records(faults_file: Path) -> None:
    faults_file.write_text(GOOD, encoding="utf-8")
    assert load_faults(faults_file) == PLAN


def test_json_is_read_as_well(faults_file: Path) -> None:
    document = {
        "faults": [{"fault": "stall", "for": "30s", "when": {"path": "/api/chat", "nth": [2], "method": "POST"}}]
    }
    faults_file.write_text(json.dumps(document), encoding="utf-8")
    assert load_faults(faults_file).faults == PLAN.faults[:1]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("- fault: stal", "faults[0].fault: found 'stal'"),
        ("- for: 3s", "faults[0].fault: the key is missing"),
        ("- {fault: stall, fro: 3s}", "faults[0].fro: unknown key; did you mean 'for'?"),
        ("- {fault: stall, for: 3}", None),
        ("- {fault: stall, for: 3x}", "faults[0].for: found '3x'; 'x' is not a unit"),
        ("- {fault: stall, when: {nth: 0}}", "faults[0].when.nth[0]: found 0; allowed: at least 1"),
        ("- {fault: stall, when: {chance: 2}}", "faults[0].when.chance: found 2; allowed: at most 1"),
        ("- {fault: load_fails, when: {path: /api/chat}}", "faults[0].when.path: unknown key"),
        ("- {fault: stall, when: {predicate: 1}}", "faults[0].when.predicate: unknown key"),
        ("- {fault: http_error, status: 200}", "faults[0].status: found 200; allowed: at least 400"),
        ("- {fault: half_line, then: run}", "faults[0].then: found 'run'; allowed: cut, end, rest"),
        ("- {fault: gpu_memory_taken}", "the key 'memory' is missing"),
        ("- {fault: clock_jump, by: 90}", "faults[0].by: found 90; a step of the clock is written like 1h or -90s"),
        ("- {fault: slow_disk, read: 50MB}", "faults[0].read: found '50MB'; a speed is written like"),
        ("- {fault: clock_jump, by: 1s, span: {on: {nth: x}}}", "faults[0].span.on.nth"),
    ],
)
def test_a_mistake_is_named_with_its_line(faults_file: Path, line: str, problem: str | None) -> None:
    faults_file.write_text(f"seed: 1\nfaults:\n  {line}\n", encoding="utf-8")
    if problem is None:
        assert load_faults(faults_file).faults
        return
    with pytest.raises(InputError) as caught:
        load_faults(faults_file)
    assert str(caught.value).startswith(f"{faults_file}:3: ")
    assert problem in str(caught.value)


def test_all_mistakes_are_named_at_once(faults_file: Path) -> None:
    faults_file.write_text("faults:\n  - {fault: stal}\n  - {fault: stall, for: x}\nsed: 1\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_faults(faults_file)
    assert [line.removeprefix(f"{faults_file}:").partition(":")[0] for line in str(caught.value).splitlines()] == [
        "2",
        "3",
        "4",
    ]


def test_a_file_that_is_not_there_is_named(faults_file: Path) -> None:
    with pytest.raises(InputError, match=r"faults\.yaml"):
        load_faults(faults_file)


def test_every_fault_is_a_frozen_record_with_a_condition_or_a_span() -> None:
    for name, record in KINDS:
        names = {field.name for field in dataclasses.fields(record)}
        assert "when" in names or "span" in names
        assert record.__dataclass_params__.frozen, name
    assert len({record for _, record in KINDS}) == len(KINDS)
    assert [kind_of(fault) for fault in PLAN.faults] == [
        "stall",
        "out_of_memory",
        "gpu_memory_taken",
        "clock_jump",
        "slow_disk",
        "http_error",
    ]

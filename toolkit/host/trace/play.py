"""Plays a scenario on the twin and gives what happened, in the format of `expected`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolkit.errors import InputError
from toolkit.host.machine import GpuHardware, HostHardware, LinearFootprint, LinearFootprints
from toolkit.host.scheduler import GpuSpec, LoadFailure, ModelSpec, Observer, Runner
from toolkit.host.trace.recorder import Recorder, state_fields
from toolkit.host.trace.scenario import read_lines
from toolkit.host.virtual import UNLOAD, Ask, LoadPlan, LoadStart, RequestRecord, Ticket, VirtualHost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from toolkit.host.trace.scenario import Scenario, ScenarioModel, ScenarioRequest

FAILURES = {
    "error": LoadFailure(
        "error", "llama-server process has terminated: exit status 1: error loading model: tensor data is corrupted"
    ),
    "oom": LoadFailure("oom", "llama-server process has terminated: exit status 1: cudaMalloc failed: out of memory"),
}
"""The texts of the fakes."""


class ScenarioTiming:
    """Durations as the scenario says: by the model listed first with a digest, and by request."""

    def __init__(self, models: dict[str, ScenarioModel]) -> None:
        self._models = models

    def load(self, start: LoadStart) -> LoadPlan:
        """Fails if the model is to fail and every condition holds."""
        model = self._models[start.runner.key]
        fails = (
            model.fail is not None
            and (model.fail_attempts is None or start.attempt <= model.fail_attempts)
            and (model.fail_num_ctx_above is None or start.launch.num_ctx > model.fail_num_ctx_above)
            and (not model.fail_if_others_loaded or start.others_alive)
        )
        if not fails or model.fail is None:
            return LoadPlan(model.load_ns)
        after_ns = model.load_ns if model.fail_after_ns is None else model.fail_after_ns
        return LoadPlan(after_ns, FAILURES[model.fail])

    def unload_ns(self, runner: Runner, now_ns: int) -> int:
        """By the model."""
        del now_ns
        return self._models[runner.key].unload_ns

    def service_ns(self, ticket: Ticket, runner: Runner, now_ns: int, active: int) -> int:
        """By the request."""
        del runner, now_ns, active
        service_ns: int = ticket.ask.work.service_ns
        return service_ns


class Play:
    """One scenario on a virtual host."""

    def __init__(self, scenario: Scenario, *, witness: Callable[[Recorder], Observer] | None = None) -> None:
        """`witness` makes an observer around the recorder, to see more than is recorded."""
        self.scenario = scenario
        first: dict[str, ScenarioModel] = {}
        for model in scenario.models:
            first.setdefault(model.digest, model)
        hardware = _hardware(scenario)
        self.recorder = Recorder(hardware.specs, {digest: model.name for digest, model in first.items()})
        self.observer: Observer = self.recorder if witness is None else witness(self.recorder)
        self.host = VirtualHost(
            hardware,
            [_model_spec(model, first[model.digest]) for model in scenario.models],
            scenario.env,
            timing=ScenarioTiming(first),
            footprints=LinearFootprints(
                {
                    digest: LinearFootprint(model.vram, model.vram_per_token, model.total_extra)
                    for digest, model in first.items()
                }
            ),
            profile_name=scenario.profile,
            slots=scenario.slots,
            observer=self.observer,
        )
        self.records: dict[str, RequestRecord] = {}
        self._tickets: dict[str, Ticket] = {}
        for request in scenario.requests:
            self.host.at(request.at_ns, _Arrival(self, request))
        for request in scenario.requests:
            if request.cancel_at_ns is not None and request.kind != UNLOAD:
                self.host.at(max(request.cancel_at_ns, request.at_ns), _Departure(self, request.id))

    def run(self) -> dict[str, Any]:
        """Let it happen; `{"events": [...], "final": {...}}`."""
        self.host.run(self.scenario.end_ns)
        return {"events": self.recorder.events(), "final": self._final()}

    def arrive(self, request: ScenarioRequest) -> None:
        """The request is sent."""
        options = tuple((request.options or {}).items())
        ask = Ask(request.id, request.model, request.kind, request.keep_alive, options, request)
        ticket = self.host.submit(ask, on_done=self._done)
        if ticket is not None:
            self._tickets[request.id] = ticket

    def depart(self, request_id: str) -> None:
        """Its client goes away."""
        ticket = self._tickets.get(request_id)
        if ticket is not None:
            self.host.cancel(ticket)

    def _done(self, record: RequestRecord) -> None:
        self.records[record.id] = record

    def _final(self) -> dict[str, Any]:
        loaded = [
            {
                "model": self.recorder.runner_name(entry.runner).rpartition("#")[0],
                "num_batch": entry.runner.options.num_batch,
                "num_ctx": entry.num_ctx,
                "runner": self.recorder.runner_name(entry.runner),
                **state_fields(entry.runner),
            }
            for entry in self.host.ps()
        ]
        unanswered = sorted(
            ticket.id
            for ticket in self._tickets.values()
            if ticket.served_ns is None and (not ticket.done or self.records[ticket.id].outcome == "dropped")
        )
        return {
            "loaded": sorted(loaded, key=lambda entry: str(entry["runner"])),
            "pending_queue_length": self.host.scheduler.queued,
            "unanswered": unanswered,
        }


class _Arrival:
    __slots__ = ("_play", "_request")

    def __init__(self, play: Play, request: ScenarioRequest) -> None:
        self._play = play
        self._request = request

    def __call__(self) -> None:
        self._play.arrive(self._request)


class _Departure:
    __slots__ = ("_play", "_request_id")

    def __init__(self, play: Play, request_id: str) -> None:
        self._play = play
        self._request_id = request_id

    def __call__(self) -> None:
        self._play.depart(self._request_id)


def play(scenario: Scenario) -> dict[str, Any]:
    """What the twin does with a scenario."""
    return {"id": scenario.id, **Play(scenario).run()}


def outcome_lines(path: Path) -> Iterator[str]:
    """A line of JSON for each scenario of a file; `expected` is not looked at. Raises InputError for bad lines."""
    for line in read_lines(path):
        yield json.dumps(play(line.scenario)) + "\n"


def write_outcomes(path: Path, out: Path) -> None:
    """Write the lines to a file, which appears when it is complete. Raises InputError if it cannot be written."""
    partial = out.with_name(out.name + ".partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(outcome_lines(path))
        partial.replace(out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _hardware(scenario: Scenario) -> HostHardware:
    host = scenario.host
    return HostHardware(
        tuple(
            GpuHardware(
                GpuSpec(gpu.id, gpu.library, gpu.total, gpu.integrated, gpu.compute_major),
                gpu.free_at_start,
                gpu.recovery_delay_ns,
            )
            for gpu in host.gpus
        ),
        host.system_memory_total,
        host.system_memory_free,
    )


def _model_spec(model: ScenarioModel, blob: ScenarioModel) -> ModelSpec:
    """A name with its own Modelfile options; everything else belongs to the blob."""
    return ModelSpec(
        name=model.name,
        digest=blob.digest,
        file_bytes=blob.file_size,
        architecture=blob.architecture,
        block_count=blob.block_count,
        embedding_length=blob.embedding_length,
        head_count=blob.head_count,
        head_count_kv=blob.head_count_kv,
        context_length=blob.context_length,
        embedding=blob.embedding,
        options=tuple((model.options or {}).items()),
    )

"""A scheduler on a desk: inputs by hand, effects in a list, memory as the test says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from toolkit.host.scheduler import (
    EndProcess,
    GpuSpec,
    LoadFailure,
    ModelSpec,
    Profile,
    Request,
    Runner,
    RunnerReport,
    Scheduler,
    Serve,
    Settings,
    StartProcess,
    profile,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.host.scheduler import Effect, Effects

GIB = 1 << 30


class Memory:
    """A host whose memory never changes unless the test changes it."""

    def __init__(self, free_bytes: Sequence[int]) -> None:
        self.free_bytes = list(free_bytes)
        self.system_free = 48 * GIB
        self.need = 4 * GIB

    def gpu_free_bytes(self, now_ns: int) -> Sequence[int]:
        del now_ns
        return self.free_bytes

    def system_free_bytes(self, now_ns: int) -> int:
        del now_ns
        return self.system_free

    def system_total_bytes(self) -> int:
        return 64 * GIB

    def need_bytes(self, model: ModelSpec, num_ctx: int, num_parallel: int, num_batch: int) -> int:
        del model, num_ctx, num_parallel, num_batch
        return self.need


class Desk:
    """Drives one scheduler by hand. Time goes on by one nanosecond with each input."""

    def __init__(
        self, environment: dict[str, str], gpus: Sequence[GpuSpec], chosen: Profile, reported: RunnerReport
    ) -> None:
        self.memory = Memory([gpu.total_bytes for gpu in gpus])
        self.scheduler = Scheduler(gpus, Settings.from_environment(environment), self.memory, profile=chosen)
        self.reported = reported
        self.now_ns = 0
        self.effects: list[Effect] = []
        self.requests: dict[str, Request] = {}

    def model(self, name: str, **changes: Any) -> ModelSpec:
        fields: dict[str, Any] = {
            "name": name,
            "digest": name * 64,
            "file_bytes": 2 * GIB,
            "architecture": "llama",
            "block_count": 32,
            "embedding_length": 4096,
            "head_count": 32,
            "head_count_kv": 8,
            "context_length": 131072,
        }
        return ModelSpec(**{**fields, **changes})

    def ask(self, id_: str, model: str, keep_alive_ns: int | None = None, **options: Any) -> Request:
        spec = self.model(model)
        request = Request(id_, spec, self.scheduler.resolve(spec, {"num_ctx": 4096, **options}), keep_alive_ns)
        self.requests[id_] = request
        self._did(self.scheduler.submit(request, self._tick()))
        return request

    def load(self, id_: str, model: str, keep_alive_ns: int | None = None, **options: Any) -> Request:
        """Ask and bring the process up."""
        request = self.ask(id_, model, keep_alive_ns, **options)
        self.up()
        return request

    def up(self) -> Runner:
        runner = self.started[-1]
        self._did(self.scheduler.load_done(runner, self.reported, self._tick()))
        return runner

    def crash(self, kind: str = "error") -> None:
        self._did(self.scheduler.load_failed(self.started[-1], LoadFailure(kind, "broken"), self._tick()))

    def finish(self, id_: str) -> None:
        self._did(self.scheduler.finish(self.requests[id_], self._tick()))

    def cancel(self, id_: str) -> None:
        self._did(self.scheduler.cancel(self.requests[id_], self._tick()))

    def unload(self, model: str) -> None:
        self._did(self.scheduler.unload(self.model(model), self._tick()))

    def gone(self) -> Runner:
        """The process that was told to end last is gone."""
        runner = [effect.runner for effect in self.effects if isinstance(effect, EndProcess)][-1]
        self._did(self.scheduler.process_ended(runner, self._tick()))
        return runner

    def wake(self, kind: str) -> None:
        """The latest timer of a kind runs out."""
        timer = [effect.timer for effect in self.of("SetTimer") if effect.timer.kind == kind][-1]
        self.now_ns = max(self.now_ns, timer.due_ns)
        self._did(self.scheduler.timer(timer, self.now_ns))

    def of(self, kind: str) -> list[Any]:
        return [effect for effect in self.effects if type(effect).__name__ == kind]

    @property
    def started(self) -> list[Runner]:
        return [effect.runner for effect in self.effects if isinstance(effect, StartProcess)]

    @property
    def served(self) -> list[tuple[str, str]]:
        return [(effect.request.id, effect.path) for effect in self.effects if isinstance(effect, Serve)]

    def _tick(self) -> int:
        self.now_ns += 1
        return self.now_ns

    def _did(self, effects: Effects) -> None:
        self.effects.extend(effects)


@pytest.fixture
def desk() -> Callable[..., Desk]:
    """Make a desk: `desk({"OLLAMA_MAX_QUEUE": "1"}, gpus=2)`. Loaded models report 4 GiB on the first GPU."""

    def make(
        environment: dict[str, str] | None = None,
        *,
        gpus: int | Sequence[GpuSpec] = 1,
        profile_name: str = "v0.32",
        vram_bytes: int = 4 * GIB,
    ) -> Desk:
        specs = [GpuSpec(f"GPU-{n}", "CUDA", 24 * GIB) for n in range(gpus)] if isinstance(gpus, int) else gpus
        reported = RunnerReport(((0, vram_bytes),) if specs else (), vram_bytes if specs else 0, vram_bytes)
        return Desk(environment or {}, specs, profile(profile_name), reported)

    return make

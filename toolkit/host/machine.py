"""The simulated machine: what processes hold in GPU and system memory, and when it is free again.

Every driver of the scheduler uses the same one. It knows no clock: times are passed in, and memory that is coming back
is looked up by its time, so that reading changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from toolkit.errors import SimulationError
from toolkit.host.scheduler.memory import RunnerReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.host.scheduler.requests import Launch, Runner
    from toolkit.host.scheduler.specs import GpuSpec, ModelSpec


@dataclass(frozen=True, slots=True)
class GpuHardware:
    """A GPU with what the scheduler cannot know about it."""

    spec: GpuSpec
    free_at_start_bytes: int
    """Below the total if another process has the rest."""
    recovery_delay_ns: int = 0
    """How long after the end of a process the driver still shows its memory as used."""


@dataclass(frozen=True, slots=True)
class HostHardware:
    """A host: its GPUs (none for a CPU host) and its system memory."""

    gpus: tuple[GpuHardware, ...]
    system_total_bytes: int
    system_free_bytes: int
    """Free at the start."""
    look_delay_ns: int = 0
    """How long after its start a process looks at what is free on the GPUs; memory that is back by then counts."""

    @property
    def specs(self) -> tuple[GpuSpec, ...]:
        """The GPUs as the scheduler is told about them."""
        return tuple(gpu.spec for gpu in self.gpus)


class Footprints(Protocol):
    """What processes take; a formula, a table or a measurement. Pure functions."""

    def allocate(self, launch: Launch, free_bytes: Sequence[int]) -> RunnerReport:
        """What a process takes on the GPUs it was given, and in all; `free_bytes` is what each GPU has free.

        No share may be above what is free there. What is not on a GPU counts as held in system memory.
        """

    def need_bytes(self, model: ModelSpec, num_ctx: int, num_parallel: int, num_batch: int) -> int:
        """GPU memory of a process that is wholly on GPUs, with a context of `num_ctx` a slot."""


@dataclass(frozen=True, slots=True)
class LinearFootprint:
    """A constant, a price for each token of context, and what stays in system memory whatever happens."""

    vram_bytes: int
    vram_per_token_bytes: int = 0
    host_extra_bytes: int = 0


class LinearFootprints:
    """Footprints by digest; the way the recorded fakes take memory.

    A partial `num_gpu` takes its part of the layers (block count + 1). The need is shared evenly over the GPUs, the
    first takes the remainder, and each share is cut to what is free.
    """

    def __init__(self, by_digest: Mapping[str, LinearFootprint]) -> None:
        self._by_digest = by_digest

    def need_bytes(self, model: ModelSpec, num_ctx: int, num_parallel: int, num_batch: int) -> int:
        """Constant plus tokens; the batch costs nothing here."""
        del num_batch
        linear = self._by_digest[model.digest]
        return linear.vram_bytes + linear.vram_per_token_bytes * num_ctx * num_parallel

    def allocate(self, launch: Launch, free_bytes: Sequence[int]) -> RunnerReport:
        """Even shares, cut to what is free."""
        model = launch.model
        need = self.need_bytes(model, launch.num_ctx, launch.num_parallel, launch.num_batch)
        total = need + self._by_digest[model.digest].host_extra_bytes
        layers = model.block_count + 1
        wanted = need
        if launch.num_gpu == 0:
            wanted = 0
        elif 0 < launch.num_gpu < layers:
            wanted = need // layers * launch.num_gpu
        if not launch.gpus:
            return RunnerReport((), 0, total)
        share, rest = divmod(wanted, len(launch.gpus))
        shares = tuple(
            (gpu, min(share + (rest if place == 0 else 0), free_bytes[gpu])) for place, gpu in enumerate(launch.gpus)
        )
        return RunnerReport(shares, sum(held for _, held in shares), total)


class _Returning(NamedTuple):
    due_ns: int
    gpu: int
    held_bytes: int


class Machine:
    """Memory of a host, process by process. Implements the scheduler's MemoryReader."""

    def __init__(self, hardware: HostHardware, footprints: Footprints) -> None:
        self.hardware = hardware
        self._footprints = footprints
        self._held = [0] * len(hardware.gpus)
        """By living processes, and by dead ones whose memory has not come back."""
        self._taken = [0] * len(hardware.gpus)
        """By processes that are none of the server's, beyond what was taken at the start."""
        self._host_held = 0
        self._processes: dict[Runner, RunnerReport] = {}
        self._returning: list[_Returning] = []

    # What the scheduler reads ------------------------------------------------------------------------------------

    def gpu_free_bytes(self, now_ns: int) -> Sequence[int]:
        """What the driver shows as free on each GPU."""
        free = [
            gpu.free_at_start_bytes - held - taken
            for gpu, held, taken in zip(self.hardware.gpus, self._held, self._taken, strict=True)
        ]
        for due_ns, gpu, held_bytes in self._returning:
            if due_ns <= now_ns:
                free[gpu] += held_bytes
        return [max(value, 0) for value in free]

    def system_free_bytes(self, now_ns: int) -> int:
        """What is free of the system's memory."""
        del now_ns
        return max(self.hardware.system_free_bytes - self._host_held, 0)

    def system_total_bytes(self) -> int:
        """What is installed."""
        return self.hardware.system_total_bytes

    def need_bytes(self, model: ModelSpec, num_ctx: int, num_parallel: int, num_batch: int) -> int:
        """GPU memory of a process that is wholly on GPUs."""
        return self._footprints.need_bytes(model, num_ctx, num_parallel, num_batch)

    # What drivers tell -------------------------------------------------------------------------------------------

    @property
    def processes(self) -> tuple[Runner, ...]:
        """Living processes, oldest first."""
        return tuple(self._processes)

    def start(self, runner: Runner, launch: Launch, now_ns: int) -> RunnerReport:
        """A process starts and takes its memory at once; what it got is what it will report."""
        self._forget_returned(now_ns)
        report = self._footprints.allocate(launch, self.gpu_free_bytes(now_ns + self.hardware.look_delay_ns))
        for gpu, share in (*report.vram_by_gpu, *report.unsaid_by_gpu):
            self._held[gpu] += share
        self._host_held += self._host_bytes(report)
        self._processes[runner] = report
        return report

    def _host_bytes(self, report: RunnerReport) -> int:
        """What it holds of the system's memory; memory on an integrated GPU is that, too."""
        shared = sum(share for gpu, share in report.vram_by_gpu if self.hardware.gpus[gpu].spec.integrated)
        return report.total_bytes - report.vram_bytes + shared

    def end(self, runner: Runner, now_ns: int) -> None:
        """A process has ended, however: system memory is free at once, GPU memory after each GPU's delay."""
        self._forget_returned(now_ns)
        report = self._processes.pop(runner, None)
        if report is None:
            raise SimulationError(f"process {runner.name} has ended before")
        self._host_held -= self._host_bytes(report)
        for gpu, share in (*report.vram_by_gpu, *report.unsaid_by_gpu):
            delay_ns = self.hardware.gpus[gpu].recovery_delay_ns
            if delay_ns > 0:
                self._returning.append(_Returning(now_ns + delay_ns, gpu, share))
            else:
                self._held[gpu] -= share

    def take(self, gpu: int, vram_bytes: int) -> None:
        """Another program takes GPU memory (or gives it back, if negative)."""
        self._taken[gpu] += vram_bytes

    def held_bytes(self, now_ns: int) -> tuple[int, ...]:
        """What the server's processes hold on each GPU, memory that is still coming back included."""
        held = list(self._held)
        for due_ns, gpu, held_bytes in self._returning:
            if due_ns <= now_ns:
                held[gpu] -= held_bytes
        return tuple(held)

    def _forget_returned(self, now_ns: int) -> None:
        """Book what has come back, so that the list stays short."""
        if not self._returning:
            return
        for due_ns, gpu, held_bytes in self._returning:
            if due_ns <= now_ns:
                self._held[gpu] -= held_bytes
        self._returning = [item for item in self._returning if item.due_ns > now_ns]

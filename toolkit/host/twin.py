"""The simulated host of a description, at work.

`build` makes the virtual host from a `TwinSpec`, with a `TwinTiming` that answers how long loads, unloads and answers
last (by `timing`) and remembers when which model was in memory.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from toolkit.host import timing
from toolkit.host.footprints import footprints_of
from toolkit.host.pagecache import PageCache
from toolkit.host.virtual import LoadPlan, LoadStart, LoadWork, VirtualHost

if TYPE_CHECKING:
    from toolkit.host.scheduler import Runner
    from toolkit.host.twin_spec import TwinSpec
    from toolkit.host.virtual import Ticket


@dataclass(slots=True)
class Work:
    """What a request asks of a runner, and (once it is being worked on) how long that takes.

    `service_ns` fixes the whole time where a trace knows it. `prefill_ns` and `decode_ns` are filled in by the timing;
    `cached_tokens` is what the prefix cache saved.
    """

    prompt_tokens: int
    shared_prefix_tokens: int
    output_tokens: int
    session: str | None
    service_ns: int | None = None
    prefill_ns: int | None = None
    decode_ns: int | None = None
    cached_tokens: int | None = None


@dataclass(slots=True)
class Stay:
    """A process of a model from its start to its end; None where it has not come to that."""

    model: str
    load_start_ns: int
    ready_ns: int | None
    vram_bytes: int
    size_bytes: int
    unload_start_ns: int | None = None
    gone_ns: int | None = None
    mark: str | None = None


@dataclass(slots=True)
class _Running:
    """What the timing knows of a living runner."""

    stay: Stay
    cost: timing.ModelCost
    device_share: float
    host_bytes: int
    last_session: str | None = None


@dataclass(slots=True)
class TwinTiming:
    """Durations of the twin by the timing model; draws from streams of its own, one a purpose."""

    spec: TwinSpec
    seed: str
    stays: list[Stay] = field(default_factory=list)
    _running: dict[Runner, _Running] = field(default_factory=dict)
    _costs: dict[str, timing.ModelCost] = field(default_factory=dict)
    _cache: PageCache = field(default_factory=PageCache)
    _streams: dict[str, random.Random] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._costs = {model.spec.digest: model.cost for model in self.spec.models}
        self._streams = {use: random.Random(f"{self.seed}:{use}") for use in ("load", "poll", "unload", "service")}

    def load(self, start: LoadStart) -> LoadPlan:
        """The file is read through the page cache; the server notices at its next poll."""
        cost, report = self._costs[start.runner.key], start.report
        host_bytes = report.total_bytes - report.vram_bytes
        device_share = report.vram_bytes / report.total_bytes if report.total_bytes else 0.0
        spare = self.spec.hardware.system_free_bytes - host_bytes - sum(r.host_bytes for r in self._running.values())
        cached = self._cache.read(start.runner.key, cost.file_bytes, spare)
        buffer_bytes = max(report.total_bytes - cost.weights_bytes, 0)
        raw = timing.load_ns(
            cost,
            self.spec.speeds,
            cached_bytes=cached,
            host_buffer_bytes=round(buffer_bytes * (1 - device_share)),
            device_share=device_share,
        )
        raw = timing.jittered_ns(raw, self.spec.jitter_sigma, self._streams["load"])
        period = timing.look_period_ns(self._streams["poll"])
        duration = timing.polled_ns(raw, period)
        stay = Stay(
            start.runner.model.name, start.now_ns, start.now_ns + duration, report.vram_bytes, report.total_bytes
        )
        self.stays.append(stay)
        self._running[start.runner] = _Running(stay, cost, device_share, host_bytes)
        work = LoadWork(raw, period, timing.LOAD_ANSWER_NS, partial(setattr, stay, "ready_ns"))
        return LoadPlan(duration, work=work)

    def unload_ns(self, runner: Runner, now_ns: int) -> int:
        """The process ends; its pages stay in the page cache."""
        running = self._running.pop(runner)
        stay = running.stay
        raw = timing.unload_ns(running.host_bytes, stay.vram_bytes, self.spec.speeds)
        duration = timing.jittered_ns(raw, self.spec.jitter_sigma, self._streams["unload"])
        if stay.ready_ns is not None and stay.ready_ns > now_ns:  # given up while it was loading
            stay.ready_ns = None
        stay.unload_start_ns, stay.gone_ns, stay.mark = now_ns, now_ns + duration, runner.mark
        return duration

    def service_ns(self, ticket: Ticket, runner: Runner, now_ns: int, active: int) -> int:
        """Prefill of what the prefix cache does not hold, then decode. A preload costs nothing but the answer."""
        del now_ns
        work = ticket.ask.work
        if not isinstance(work, Work):
            return timing.PRELOAD_ANSWER_NS
        running = self._running[runner]
        same = work.session is not None and running.last_session == work.session
        running.last_session = work.session
        work.cached_tokens = min(work.shared_prefix_tokens, work.prompt_tokens) if same else 0
        cost, share = running.cost, running.device_share
        prefill = timing.prefill_ns(cost, self.spec.speeds, work.prompt_tokens - work.cached_tokens, share)
        prefill += self.spec.speeds.answer_ns
        decode = timing.decode_ns(
            cost,
            self.spec.speeds,
            tokens=work.output_tokens,
            context_tokens=work.prompt_tokens,
            device_share=share,
            busy_slots=active,
        )
        if work.service_ns is not None:  # a trace knows the sum; the model splits it
            total = max(prefill + decode, 1)
            prefill = work.service_ns * prefill // total
            decode = work.service_ns - prefill
        stream = self._streams["service"]
        work.prefill_ns = timing.jittered_ns(prefill, self.spec.jitter_sigma, stream)
        work.decode_ns = timing.jittered_ns(decode, self.spec.jitter_sigma, stream)
        ticket.first_part_ns = work.prefill_ns
        return work.prefill_ns + work.decode_ns


def build(spec: TwinSpec, seed: str) -> tuple[VirtualHost, TwinTiming]:
    """A fresh virtual host of this description, empty, at time 0; equal seeds give equal hosts."""
    twin_timing = TwinTiming(spec, seed)
    host = VirtualHost(
        spec.hardware,
        [model.spec for model in spec.models],
        dict(spec.environment),
        timing=twin_timing,
        footprints=footprints_of(spec),
        profile_name=spec.profile,
        cores=spec.cores,
    )
    return host, twin_timing

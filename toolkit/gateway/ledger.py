"""Where each request is written down when it is over: statistics, metrics, the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.gateway.dashboard.live import live_document
from toolkit.gateway.metrics import ReadGauge
from toolkit.gateway.totals import Served
from toolkit.replay.live_record import RESIDENT_BELOW_NS
from toolkit.replay.prefix_cache import PrefillSpeeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolkit.gateway.course import Course
    from toolkit.gateway.fleet import Fleet
    from toolkit.gateway.metrics import GatewayMetrics
    from toolkit.gateway.refusal import Why
    from toolkit.gateway.stats import GatewayStats

UNKNOWN_MODEL = "(unknown)"
"""Clients can write any name; only those of models that are there are counted under it."""


class Ledger:
    """See the module. `write_trace` takes each request's course, with what it was called for statistics."""

    def __init__(
        self,
        fleet: Fleet,
        stats: GatewayStats,
        metrics: GatewayMetrics,
        clock_ns: Callable[[], int],
        write_trace: Callable[[Course], None] | None,
    ) -> None:
        self._fleet = fleet
        self._stats = stats
        self._metrics = metrics
        self._clock_ns = clock_ns
        self._write_trace = write_trace
        self._speeds: dict[tuple[str | None, str], PrefillSpeeds] = {}
        metrics.also(self._gauges())

    def began(self) -> None:
        """A request to a model has come."""
        self._metrics.began()

    def ended(self, course: Course) -> None:
        """A request to a model is over."""
        ask, reading = course.ask, course.reading
        model = self._fleet.name_of(ask.name) or UNKNOWN_MODEL
        served = Served(
            at_ns=self._clock_ns(),
            kind=ask.kind,
            model=model,
            host=course.host,
            reason=ask.reason,
            outcome=course.outcome,
            found=None if ask.is_bare else course.really,
            load_ns=reading.load_ns,
            waited_ns=course.waited_ns,
            prompt_tokens=reading.prompt_tokens or 0,
            answer_tokens=reading.answer_tokens or 0,
            cached=self._cached(course, model),
        )
        self._stats.ended(served)
        self._metrics.ended(course, served)
        if self._write_trace is not None:
            self._write_trace(course)

    def _cached(self, course: Course, model: str) -> bool | None:
        """Whether part of the prompt came out of the host's prefix cache, by its own counters."""
        reading = course.reading
        if course.outcome != "ok" or course.ask.kind == "embed" or course.ask.is_bare or model == UNKNOWN_MODEL:
            return None
        speeds = self._speeds.get((course.host, model))
        if speeds is None:
            speeds = self._speeds[course.host, model] = PrefillSpeeds()
        after_load = reading.load_ns is not None and reading.load_ns >= RESIDENT_BELOW_NS
        return speeds.is_cached(reading.prompt_tokens, reading.prompt_ns, after_load=after_load)

    def refused(self, why: Why) -> None:
        """The gateway refused something before it came to a model."""
        self._stats.refused(why.label, self._clock_ns())
        self._metrics.refused(why.label)

    def stats(self) -> dict[str, Any]:
        """The answer of `/api/llm/stats`."""
        return self._stats.as_json(self._clock_ns(), self._queue())

    def live(self) -> dict[str, Any]:
        """The answer of `/api/llm/live`: what the dashboard shows."""
        now_ns = self._clock_ns()
        residencies = {backend.name: backend.residency for backend in self._fleet.backends}
        counts = self._stats.since_start(now_ns, self._queue())
        return live_document(now_ns, counts, self._stats.latest, residencies)

    def page(self) -> bytes:
        """The answer of `/metrics`."""
        return self._metrics.text()

    def _queue(self) -> dict[str, Any]:
        hosts = {}
        for backend in self._fleet.backends:
            gate = backend.gate
            hosts[backend.name] = {
                "ready": backend.is_ready,
                "waiting": gate.waiting,
                "waiting_by_model": gate.waiting_by_model(),
                "running_by_model": dict(gate.running_by_model()),
                "loading": gate.loading,
                "in_memory": [
                    {"model": row.name, "size_bytes": row.size_bytes, "vram_bytes": row.vram_bytes}
                    for row in backend.rows
                ],
            }
        waiting = sum(backend.gate.waiting for backend in self._fleet.backends)
        running = sum(backend.gate.running_by_model().total() for backend in self._fleet.backends)
        return {"waiting": waiting, "running": running, "hosts": hosts}

    def _gauges(self) -> Iterator[ReadGauge]:
        backends = self._fleet.backends
        yield ReadGauge(
            "hotswap_host_ready",
            "Whether the host answers.",
            ("host",),
            lambda: [((each.name,), float(each.is_ready)) for each in backends],
        )
        yield ReadGauge(
            "hotswap_queue_waiting",
            "Requests that wait, by model.",
            ("host", "model"),
            lambda: [
                ((each.name, model), float(count))
                for each in backends
                for model, count in each.gate.waiting_by_model().items()
            ],
        )
        yield ReadGauge(
            "hotswap_model_vram_bytes",
            "What a model in memory holds of the GPUs' memory, as /api/ps says.",
            ("host", "model"),
            lambda: [((each.name, row.name), float(row.vram_bytes)) for each in backends for row in each.rows],
        )
        yield ReadGauge(
            "hotswap_model_size_bytes",
            "What a model in memory takes in all, as /api/ps says.",
            ("host", "model"),
            lambda: [((each.name, row.name), float(row.size_bytes)) for each in backends for row in each.rows],
        )

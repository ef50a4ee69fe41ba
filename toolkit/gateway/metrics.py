"""`GET /metrics`: the same facts for Prometheus. Names of OpenTelemetry's GenAI conventions where they have one.

Source of those: OpenTelemetry semantic conventions for generative AI, metrics (`gen_ai.server.request.duration`,
`gen_ai.server.time_to_first_token`, `gen_ai.server.time_per_output_token`, `gen_ai.client.token.usage`), with dots as
underscores and the unit behind, as OpenTelemetry's own Prometheus exporter writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from toolkit.gateway.distribution import Distribution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client import Metric

    from toolkit.gateway.course import Course
    from toolkit.gateway.totals import Served

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
NS_PER_S: Final = 1e9
_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 300, 600)
_PER_TOKEN: Final = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_TOKENS: Final = tuple(4**power for power in range(12))
_CALL: Final = ("gen_ai_operation_name", "gen_ai_request_model")
_OPERATIONS: Final = {"chat": "chat", "generate": "text_completion", "embed": "embeddings"}


@dataclass(frozen=True, slots=True)
class ReadGauge:
    """A gauge whose values, each with its labels, are read when a page is made."""

    name: str
    text: str
    labels: tuple[str, ...]
    read: Callable[[], Iterable[tuple[tuple[str, ...], float]]]


class GatewayMetrics:
    """A registry of its own, so that two gateways in one process do not add up."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._duration = Distribution(
            registry,
            "gen_ai_server_request_duration_seconds",
            "From the request to the end of its answer, queue included.",
            (*_CALL, "error_type"),
            _SECONDS,
        )
        self._first = Distribution(
            registry,
            "gen_ai_server_time_to_first_token_seconds",
            "From the request to the first piece of a streamed answer, queue included.",
            _CALL,
            _SECONDS,
        )
        self._per_token = Distribution(
            registry,
            "gen_ai_server_time_per_output_token_seconds",
            "The time of each token after the first, by the host's counters.",
            _CALL,
            _PER_TOKEN,
        )
        self._tokens = Distribution(
            registry,
            "gen_ai_client_token_usage",
            "Tokens of a request, in and out, as the host counts them.",
            (*_CALL, "gen_ai_token_type"),
            _TOKENS,
        )
        self._found = _Children(
            Counter(
                "hotswap_requests",
                "Answered requests by how their model was found: hit, cold or reload.",
                ("host", "model", "cache"),
                registry=registry,
            )
        )
        self._swap = Distribution(
            registry,
            "hotswap_swap_seconds",
            "Loads that a request had to wait for, by the host's counter.",
            ("host", "model"),
            _SECONDS,
        )
        self._waited = Distribution(
            registry, "hotswap_queue_wait_seconds", "Time in the gateway's queue.", ("host",), _SECONDS
        )
        self._routed = _Children(
            Counter("hotswap_routed", "Requests by reason of routing.", ("reason",), registry=registry)
        )
        self._refused = Counter("hotswap_refused", "Requests that the gateway refused.", ("reason",), registry=registry)
        self._left = Counter("hotswap_clients_left", "Clients that went before their answer's end.", registry=registry)
        self._under_way = 0
        under_way = Gauge("hotswap_requests_in_flight", "Requests under way, waiting ones too.", registry=registry)
        under_way.set_function(lambda: self._under_way)

    def also(self, gauges: Iterable[ReadGauge]) -> None:
        """Add gauges that are read when they are asked for."""
        self._registry.register(_Read(tuple(gauges)))

    def began(self) -> None:
        """A request to a model has come."""
        self._under_way += 1

    def refused(self, label: str) -> None:
        """The gateway refused a request."""
        self._refused.labels(label).inc()

    def ended(self, course: Course, served: Served) -> None:
        """A request to a model is over."""
        self._under_way -= 1
        call = (_OPERATIONS[served.kind], served.model)
        failed = "" if served.outcome == "ok" else served.outcome
        if served.outcome == "left":
            self._left.inc()
        if course.done_ns is not None:
            self._duration.observe((*call, failed), (course.done_ns - course.came_ns) / NS_PER_S)
        self._routed[served.reason,].inc()
        if served.waited_ns is not None:
            self._waited.observe((served.host or "",), served.waited_ns / NS_PER_S)
        if failed:
            return
        if course.first_ns is not None and course.ask.streams:
            self._first.observe(call, (course.first_ns - course.came_ns) / NS_PER_S)
        if served.found is not None:
            self._found[served.host or "", served.model, served.found].inc()
        if served.is_swap:
            self._swap.observe((served.host or "", served.model), (served.load_ns or 0) / NS_PER_S)
        self._count_tokens(course, served, call)

    def text(self) -> bytes:
        """The page."""
        return generate_latest(self._registry)

    def _count_tokens(self, course: Course, served: Served, call: tuple[str, str]) -> None:
        reading = course.reading
        if reading.prompt_tokens is not None:
            self._tokens.observe((*call, "input"), served.prompt_tokens)
        if reading.answer_tokens is not None:
            self._tokens.observe((*call, "output"), served.answer_tokens)
            if reading.answer_ns is not None and reading.answer_tokens > 1:
                self._per_token.observe(call, reading.answer_ns / reading.answer_tokens / NS_PER_S)


class _Children(dict[tuple[str, ...], Counter]):
    """A counter by its labels; kept, because the library's own search for it costs as much as all the rest."""

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self._counter = counter

    def __missing__(self, labels: tuple[str, ...]) -> Counter:
        child = self[labels] = self._counter.labels(*labels)
        return child


class _Read(Collector):
    """Gauges whose values are read when a page is made."""

    def __init__(self, gauges: tuple[ReadGauge, ...]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.text, labels=gauge.labels)
            for values, number in gauge.read():
                family.add_metric(values, number)
            yield family

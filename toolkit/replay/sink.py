"""Where a run goes while it is played: to a file, to the store, or to both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from toolkit.replay.records import ClientHealth, Provenance, RequestRecord, ResidencySpan


class RecordSink(Protocol):
    """Takes what a run leaves behind, as things happen; `end` comes last, and not at all if the player is killed."""

    def record(self, record: RequestRecord) -> None:
        """Keep one request."""
        ...

    def span(self, span: ResidencySpan) -> None:
        """Keep one span of residency."""
        ...

    def client(self, health: ClientHealth) -> None:
        """Keep what the client found out about itself."""
        ...

    def end(self, end_ns: int, *, complete: bool) -> None:
        """Keep the end."""
        ...


class RunSink(RecordSink, Protocol):
    """A sink that knows whose records it takes."""

    @property
    def strategy(self) -> str:
        """The strategy that is played."""
        ...

    @property
    def repetition(self) -> int:
        """Which repetition this is, from 0."""
        ...

    @property
    def provenance(self) -> Provenance:
        """What must be equal before the run may be compared."""
        ...


class Both:
    """A run's own sink and another beside it; the first gets everything first."""

    def __init__(self, first: RunSink, beside: RecordSink) -> None:
        self.strategy = first.strategy
        self.repetition = first.repetition
        self.provenance = first.provenance
        self._sinks: tuple[RecordSink, RecordSink] = (first, beside)

    def record(self, record: RequestRecord) -> None:
        """Keep one request in both."""
        for sink in self._sinks:
            sink.record(record)

    def span(self, span: ResidencySpan) -> None:
        """Keep one span of residency in both."""
        for sink in self._sinks:
            sink.span(span)

    def client(self, health: ClientHealth) -> None:
        """Keep what the client found out about itself in both."""
        for sink in self._sinks:
            sink.client(health)

    def end(self, end_ns: int, *, complete: bool) -> None:
        """Keep the end in both."""
        for sink in self._sinks:
            sink.end(end_ns, complete=complete)

"""Keeps the records of a run as they come, on disk and in memory, and makes the run of them in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.replay.records import Run
from toolkit.replay.selfcheck import judge, median_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.replay.records import RequestRecord, ResidencySpan
    from toolkit.replay.selfcheck import SelfMeasure
    from toolkit.replay.sink import RunSink
    from toolkit.workload.plan import Plan


class RunKeeper:
    """One run's records. `on_answer` is called at each."""

    def __init__(self, plan: Plan, writer: RunSink, on_answer: Callable[[], None] | None = None) -> None:
        self._plan = plan
        self._writer = writer
        self._on_answer = on_answer
        self._records: dict[str, RequestRecord] = {}

    def keep(self, record: RequestRecord) -> None:
        """A request has ended."""
        self._records[record.id] = record
        self._writer.record(record)
        if self._on_answer is not None:
            self._on_answer()

    def finish(
        self, measures: Sequence[SelfMeasure], spans: Sequence[ResidencySpan], end_ns: int, *, complete: bool
    ) -> Run:
        """Write what is known only at the end, and give the run, its records in the plan's order."""
        records = tuple(self._records[one.id] for one in self._plan.requests if one.id in self._records)
        health = judge(measures, median_ns(_ttft_ns(record) for record in records)) if measures else None
        for span in spans:
            self._writer.span(span)
        if health is not None:
            self._writer.client(health)
        self._writer.end(end_ns, complete=complete)
        return Run(
            self._writer.strategy,
            self._writer.repetition,
            records,
            tuple(spans),
            end_ns,
            complete=complete,
            provenance=self._writer.provenance,
            client=health,
        )


def _ttft_ns(record: RequestRecord) -> int | None:
    first_ns, sent_ns = record.first_token_ns, record.sent_ns
    return None if first_ns is None or sent_ns is None else first_ns - sent_ns

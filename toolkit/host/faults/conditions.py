"""What is wrong with the machine for a while: its disk is slow, another program has GPU memory, its clock is set."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator

from toolkit.config.durations import format_duration, parse_duration_ns
from toolkit.config.scalars import PositiveSizeBytes, RateBytesPerS
from toolkit.host.faults.when import Span


def _signed_ns(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError("a step of the clock is written like 1h or -90s")  # noqa: TRY004 - pydantic reports ValueError only
    return parse_duration_ns(value)


StepNs = Annotated[int, PlainValidator(_signed_ns), PlainSerializer(format_duration)]
"""Any duration, backwards if negative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowDisk:
    """Loads that begin in the span read what is not in the page cache at this speed."""

    read_bytes_per_s: Annotated[RateBytesPerS, Field(alias="read")]
    span: Span = field(default_factory=Span)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuMemoryTaken:
    """Another program holds memory of a GPU (numbered from 0) in the span. The driver shows it, the API does not."""

    memory_bytes: Annotated[PositiveSizeBytes, Field(alias="memory")]
    gpu: Annotated[int, Field(ge=0, le=255)] = 0
    span: Span = field(default_factory=Span)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockJump:
    """The wall clock is set forward or back, as NTP does after a suspend; what runs by the monotonic clock goes on."""

    by_ns: Annotated[StepNs, Field(alias="by")]
    span: Span = field(default_factory=Span)


Condition = SlowDisk | GpuMemoryTaken | ClockJump

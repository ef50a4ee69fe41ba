"""Loads that fail or hang. They go through the scheduler, which retries, evicts and answers as with real ones."""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from toolkit.config.scalars import DelayNs
from toolkit.host.course import LoadCourse
from toolkit.host.faults.when import LoadWhen
from toolkit.host.scheduler import LoadFailure

CRASHED = "llama-server process has terminated: exit status 1"
NO_MEMORY = "llama-server process has terminated: exit status 1: cudaMalloc failed: out of memory"
TIMED_OUT = "timed out waiting for llama-server to start - progress 0.00 - "


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFails:
    """The process of the model crashes; `after_ns` into the load, by default when it would have been done."""

    error: str = CRASHED
    after_ns: Annotated[DelayNs | None, Field(alias="after")] = None
    when: LoadWhen = field(default_factory=LoadWhen)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfMemory:
    """The process finds too little memory, `after_ns` into the load; the server tries each request once more."""

    error: str = NO_MEMORY
    after_ns: Annotated[DelayNs | None, Field(alias="after")] = None
    when: LoadWhen = field(default_factory=LoadWhen)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadHangs:
    """The load makes no progress for so long (None: for ever); the server gives up after its `OLLAMA_LOAD_TIMEOUT`."""

    for_ns: Annotated[DelayNs | None, Field(alias="for")] = None
    when: LoadWhen = field(default_factory=LoadWhen)


LoadFault = LoadFails | OutOfMemory | LoadHangs


def afflicted(fault: LoadFault, course: LoadCourse, load_timeout_ns: int) -> LoadCourse:
    """The course of a load that would have gone like `course`. Durations of faults are not scaled."""
    match fault:
        case LoadHangs(for_ns=for_ns):
            if for_ns is not None and for_ns < load_timeout_ns:
                return course._replace(extra_ns=course.extra_ns + for_ns)
            return LoadCourse(0, load_timeout_ns, LoadFailure("error", TIMED_OUT))
        case LoadFails():
            kind = "error"
        case OutOfMemory():
            kind = "oom"
    failure = LoadFailure(kind, fault.error)
    return course._replace(failure=failure) if fault.after_ns is None else LoadCourse(0, fault.after_ns, failure)

"""The checks, in their order: is it there, has it what it should have, what costs time, who else can get at it.

Pure: a check looks at evidence and at nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.ops.doctor.checks.memory import (
    EightyPercent,
    EvictionOrder,
    FitTogether,
    MaxModels,
    PartialOffload,
    SpillAfterContext,
)
from toolkit.ops.doctor.checks.security import Exposed, Origins, Vulnerabilities
from toolkit.ops.doctor.checks.service import Digests, ModelsPresent, Reachable, V1KeepAlive, VersionKnown
from toolkit.ops.doctor.checks.slow import (
    CacheOnCpu,
    CacheWithoutFlash,
    CacheWithoutKernel,
    LargeBatch,
    PsWrong,
    SingleSlot,
)
from toolkit.ops.doctor.checks.stuck import StuckEviction
from toolkit.ops.doctor.checks.traffic import ClockSkew, ColdLoads, HiddenReloads, Stall

if TYPE_CHECKING:
    from toolkit.ops.doctor.check import Check

CHECKS: Final[tuple[Check, ...]] = (
    Reachable(),
    VersionKnown(),
    ModelsPresent(),
    Digests(),
    V1KeepAlive(),
    FitTogether(),
    EightyPercent(),
    MaxModels(),
    EvictionOrder(),
    HiddenReloads(),
    PartialOffload(),
    SpillAfterContext(),
    StuckEviction(),
    Stall(),
    ClockSkew(),
    ColdLoads(),
    CacheWithoutFlash(),
    CacheWithoutKernel(),
    CacheOnCpu(),
    LargeBatch(),
    SingleSlot(),
    PsWrong(),
    Exposed(),
    Origins(),
    Vulnerabilities(),
)

"""A check, what it finds, and how all of them are run. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.ops.doctor.evidence import Evidence

Status = Literal["ok", "warn", "fail", "skipped"]
NO_ANSWER: Final = "the host does not answer"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: a status, the evidence in one sentence, and what mends it (None where nothing needs to)."""

    status: Status
    evidence: str
    fix: str | None = None


def ok(evidence: str) -> Finding:
    """Nothing wrong."""
    return Finding("ok", evidence)


def skipped(reason: str, fix: str | None = None) -> Finding:
    """Could not be told; `fix` is how it could."""
    return Finding("skipped", reason, fix)


def warn(evidence: str, fix: str) -> Finding:
    """Costs time or memory, or may."""
    return Finding("warn", evidence, fix)


def fail(evidence: str, fix: str) -> Finding:
    """Does not work, or is dangerous."""
    return Finding("fail", evidence, fix)


class Check(ABC):
    """One question to a host. `id` never changes, `title` is the question's subject, `why` says why it matters."""

    id: ClassVar[str]
    title: ClassVar[str]
    why: ClassVar[str]
    needs_host: ClassVar[bool] = True
    """Skipped if the host does not answer."""

    @abstractmethod
    def find(self, evidence: Evidence) -> Finding:
        """The answer."""


@dataclass(frozen=True, slots=True)
class Result:
    """A check with its finding."""

    check: Check
    finding: Finding

    @property
    def status(self) -> Status:
        """That of the finding."""
        return self.finding.status


def examine(checks: Iterable[Check], evidence: Evidence) -> tuple[Result, ...]:
    """All checks, in their order; those that need a host which does not answer are skipped."""
    unreachable = evidence.reach.problem is not None
    return tuple(
        Result(check, skipped(NO_ANSWER) if unreachable and check.needs_host else check.find(evidence))
        for check in checks
    )

"""Promises on the command line: `ttft=5s@95%`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from toolkit.config.durations import DurationError, parse_duration_ns
from toolkit.errors import UsageError
from toolkit.workload.plan import Slo

if TYPE_CHECKING:
    from collections.abc import Iterable

_SLO = re.compile(r"\s*(?P<metric>[a-z0-9]+)\s*=\s*(?P<limit>\S+?)\s*@\s*(?P<share>[0-9]+(?:\.[0-9]+)?)\s*%\s*")
_METRICS = ("ttft", "e2e")


def parse_slos(texts: Iterable[str]) -> tuple[Slo, ...]:
    """Each text one promise: metric (`ttft`, `e2e`), a duration, and the share of requests that see it kept.

    Raises:
        UsageError: another form, an unknown metric, or a share that is not above 0 and at most 100 %.
    """
    return tuple(_slo(text) for text in texts)


def _slo(text: str) -> Slo:
    found = _SLO.fullmatch(text)
    if found is None or found["metric"] not in _METRICS:
        raise UsageError(f"--slo {text}: write metric=limit@share, as in ttft=5s@95% or e2e=1m@90%")
    try:
        limit_ns = parse_duration_ns(found["limit"])
    except DurationError as error:
        raise UsageError(f"--slo {text}: {error}") from None
    share = float(found["share"]) / 100
    if limit_ns <= 0 or not 0 < share <= 1:
        raise UsageError(f"--slo {text}: a limit above 0, and a share above 0 % and at most 100 %")
    return Slo(found["metric"], limit_ns, share)

"""Day curves that have a name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OFFICE_CLOCK_SHIFT_H = 16
"""The publisher of the trace moved its clock to hide the true times. Moved on by this much, it shows a morning from
nine, a break at eleven, a long afternoon, an evening that fades, and an empty night."""

CURVES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "flat": (1.0,) * 24,
        # Requests in each hour of the day, midnight first, over the 18 days of alibaba_genai_2026_first60.csv
        # (cluster-trace-v2026-GenAI), the clock moved on by OFFICE_CLOCK_SHIFT_H.
        "office": (
            *(70.0, 40.0, 25.0, 2.0, 0.0, 0.0),
            *(3.0, 29.0, 353.0, 1255.0, 1746.0, 331.0),
            *(687.0, 2198.0, 2191.0, 2194.0, 2375.0, 595.0),
            *(575.0, 516.0, 327.0, 171.0, 226.0, 184.0),
        ),
    }
)
"""24 weights each, midnight first."""

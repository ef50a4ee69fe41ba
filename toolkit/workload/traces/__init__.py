"""Recorded traffic as plans: which formats there are, and how a file of one becomes requests."""

from __future__ import annotations

from toolkit.workload.traces.load import FORMATS, guess_format, load_trace
from toolkit.workload.traces.models import ByRank, Explicit, KeepNames, KeepOrDeal, ModelMap, SeededMix, parse_mix

__all__ = [
    "FORMATS",
    "ByRank",
    "Explicit",
    "KeepNames",
    "KeepOrDeal",
    "ModelMap",
    "SeededMix",
    "guess_format",
    "load_trace",
    "parse_mix",
]

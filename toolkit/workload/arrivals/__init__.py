"""When people come: endless iterators of integer nanoseconds after the start of a run, never falling."""

from __future__ import annotations

from toolkit.workload.arrivals.constant import Constant
from toolkit.workload.arrivals.curves import CURVES
from toolkit.workload.arrivals.day import Day
from toolkit.workload.arrivals.process import ArrivalProcess
from toolkit.workload.arrivals.rate import parse_rate
from toolkit.workload.arrivals.renewal import Gamma, Poisson

__all__ = ["CURVES", "ArrivalProcess", "Constant", "Day", "Gamma", "Poisson", "parse_rate"]

"""Scenario files: what people do all day, as YAML, made into a plan."""

from __future__ import annotations

from toolkit.workload.scenario.load import load_scenario

__all__ = ["load_scenario"]

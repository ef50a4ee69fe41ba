"""Puts what `hotswap plan` answers on the bundled scenarios into docs/plan.md, between its two `table` marks.

    python docs/renew_plans.py [SCENARIO …]

Beside it, docs/plan_answers.json has each load that was found and how it was checked, for the test that plays it again.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = PROJECT / "docs" / "plan.md"
ANSWERS: Final = PROJECT / "docs" / "plan_answers.json"
HEADS: Final = ("scenario", "as configured", "best settings", "cheapest host", "checked", "seconds", "processor")
COMMAND: Final = (sys.executable, "-c", "from toolkit.cli.main import main; main()", "plan", "--no-points", "--json")


def planned(scenario: Path) -> tuple[dict[str, Any], float, float]:
    """The answer, the seconds that it took, and the processor's seconds."""
    began_s, before = time.monotonic(), os.times()
    done = subprocess.run([*COMMAND, str(scenario)], cwd=PROJECT, capture_output=True, check=False)  # noqa: S603
    after = os.times()
    if done.returncode not in {0, 3}:
        sys.exit(done.stderr.decode())
    used_s = after.children_user - before.children_user + after.children_system - before.children_system
    return json.loads(done.stdout), time.monotonic() - began_s, used_s


def loads_of(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every largest load of an answer, under the host that it is for; the config's own host is ``."""
    host, settings = told["host"] or {}, told["settings"] or {}
    found = {"as configured": told["load"], "best settings": settings.get("load"), host.get("chosen"): host.get("load")}
    return {str(name): load for name, load in found.items() if load is not None}


def row(name: str, told: dict[str, Any], took_s: float, used_s: float) -> str:
    """A scenario's line."""
    loads = loads_of(told)
    host = told["host"]["chosen"]
    best = loads.get("best settings", loads["as configured"])
    bought = f"{host}: {_words(loads[host])}" if host in loads else "none of the table"
    checks = [load["confirmed"] for load in loads.values() if load["confirmed"] is not None]
    checked = f"{sum(checks)} of {len(checks)}"
    cells = (name, _words(loads["as configured"]), _words(best), bought, checked, f"{took_s:.0f}", f"{used_s:.0f}")
    return f"| {' | '.join(cells)} |"


def checks_of(name: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Each load that was checked: where, with which repetitions, and the next load above it."""
    return [
        {
            "scenario": name,
            "host": None if label in {"as configured", "best settings"} else label,
            "case": load["case"],
            "load": load["load"],
            "above": load["confirmation"]["above"]["load"],
            "first_repetition": load["confirmation"]["first_repetition"],
            "at_repetitions": load["confirmation"]["at"]["repetitions"],
            "above_repetitions": load["confirmation"]["above"]["repetitions"],
        }
        for label, load in loads_of(told).items()
        if load["confirmed"]
    ]


def renewed(page: str, made: str) -> str:
    """The page with this table."""
    block = f"<!-- table -->\n{made}\n<!-- /table -->"
    return re.sub(r"<!-- table -->.*?<!-- /table -->", lambda _: block, page, flags=re.DOTALL)


def _words(load: dict[str, Any]) -> str:
    if load["load"] is None:
        return "no load"
    people = f"{load['users']} users" if load["users"] is not None else f"{load['requests_per_h']:,.0f} requests/h"
    return f"{people} ({load['load']:.3g} ×){' and more' if load['open_end'] else ''}"


def main(only: list[str]) -> None:
    """Plan every scenario, or those that are named; then write both files."""
    page = PAGE.read_text(encoding="utf-8")
    known: list[dict[str, Any]] = json.loads(ANSWERS.read_text(encoding="utf-8")) if only else []
    rows = [f"| {' | '.join(HEADS)} |", "|---|---|---|---|--:|--:|--:|"]
    answers: list[dict[str, Any]] = []
    for scenario in sorted((PROJECT / "scenarios").glob("*.yaml")):
        name = scenario.stem
        if only and name not in only:
            rows += [line for line in page.splitlines() if line.startswith(f"| {name} |")]
            answers += [one for one in known if one["scenario"] == name]
            continue
        told, took_s, used_s = planned(scenario)
        rows.append(row(name, told, took_s, used_s))
        answers += checks_of(name, told)
        sys.stderr.write(f"{rows[-1]}\n")
    PAGE.write_text(renewed(page, "\n".join(rows)), encoding="utf-8")
    lines = ",\n".join(f"  {json.dumps(one)}" for one in answers)
    ANSWERS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

"""The page for Prometheus: what the dashboard asks for is there."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from tests.gateway.conftest import gateway_to
from toolkit.gateway.ask import Ask
from toolkit.gateway.course import Course
from toolkit.gateway.ledger import UNKNOWN_MODEL, Ledger
from toolkit.gateway.metrics import GatewayMetrics
from toolkit.gateway.reading import Reading
from toolkit.gateway.stats import GatewayStats

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 1_000_000_000


def ledger_with_one_request() -> Ledger:
    """One cold answer of 3 s, of which 2 s were the load; and one refusal."""
    fleet = gateway_to("http://127.0.0.1:9").fleet
    fleet.backends[0].installed = {"big:7b": 10}
    ledger = Ledger(fleet, GatewayStats(0), GatewayMetrics(), lambda: 5 * SECOND, None)
    for model in ("big:7b", "made up by a client"):
        ledger.began()
        course = Course(Ask("chat", "/api/chat", {"messages": [{}]}, model, "because"), SECOND)
        course.host, course.waited_ns, course.found, course.outcome = "host-0", 0, "cold", "ok"
        course.first_ns, course.done_ns = 3 * SECOND, 4 * SECOND
        course.reading = Reading(load_ns=2 * SECOND, prompt_tokens=7, answer_tokens=10, answer_ns=SECOND)
        ledger.ended(course)
    return ledger


def test_the_dashboard_asks_for_what_is_there(project_dir: Path) -> None:
    page = ledger_with_one_request().page().decode()
    families = list(text_string_to_metric_families(page))
    names = {sample.name for family in families for sample in family.samples} | {family.name for family in families}
    text = (project_dir / "config" / "grafana-gateway.json").read_text(encoding="utf-8")
    asked = {name for panel in json.loads(text)["panels"] for target in panel["targets"]
             for name in re.findall(r"\b(?:hotswap|gen_ai)_[a-z_]+(?=\b)(?![\"=])", target["expr"])}  # fmt: skip
    labels = {"gen_ai_request_model", "gen_ai_token_type"}
    assert asked
    for name in asked - labels:
        assert name in names or name.removesuffix("_total") in names, name


def test_names_that_clients_make_up_are_no_labels() -> None:
    ledger = ledger_with_one_request()
    assert b"made up" not in ledger.page()
    stats = ledger.stats()
    assert set(stats["models"]) == {"big:7b", UNKNOWN_MODEL}
    assert stats["swap_s"] == {"mean": 2.0, "p95": 2.0}
    assert (stats["hit_rate"], stats["swaps"], stats["requests"]) == (0.0, 2, 2)
    assert stats["windows"]["1m"]["models"]["big:7b"]["share"] == 0.5

"""Values, spreads and changes in words; foreign names stay harmless in Markdown, XML and Go text."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.gate.judge import Judgement, judge
from toolkit.gate.renderings import as_json, benchstat, junit, markdown
from toolkit.gate.side import Series, Side
from toolkit.gate.table import text_of
from toolkit.gate.wording import probability, value
from toolkit.stats.decide import Rule

NAMES = st.text(min_size=1, max_size=20)


def judged(name: str, factor: float = 2.0) -> tuple[Side, Side, Judgement]:
    base, new = (
        Side(label, (), (), (Series(name, "ns", "size", "lower", (tuple(scale * (1 + n / 100) for n in range(10)),)),))
        for label, scale in (("base", 1e6), ("new", factor * 1e6))
    )
    return base, new, judge(base, new, Rule())


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (331e6, "ns", "331 ms"),
        (0.0182, "s", "18.2 ms"),
        (4.2e9, "ns", "4.20 s"),
        (650.0, "ns/op", "650 ns/op"),
        (78125.0, "ns/token", "78.1 µs/token"),
        (12_800.0, "token/sec", "12.8 k token/sec"),
        (0.975, "share", "97.5 %"),
        (213.2, "1/h", "213 /h"),
        (13.1e9, "bytes", "12.2 GiB"),
        (0.0, "ns", "0 ns"),
        (None, "ns", "-"),
    ],
)
def test_values_have_three_digits_and_a_unit_that_suits(number: float | None, unit: str, text: str) -> None:
    assert value(number, unit) == text


def test_a_p_is_never_zero() -> None:
    assert (probability(0.0), probability(0.03), probability(None)) == ("<0.0001", "0.0300", "-")


@given(NAMES)
def test_a_foreign_name_cannot_break_a_rendering(name: str) -> None:
    base, new, judgement = judged(name)
    assert len(ET.fromstring(junit(judgement).encode())) == 1  # noqa: S314 - our own output
    rows = [line for line in markdown(judgement).split("\n") if line.startswith("| ")]
    assert len(rows) == 3
    assert len(text_of(judgement).split("\n")) == 6
    assert sum(line.startswith("Benchmark") for line in benchstat(base, new).split("\n")) == 20
    assert list(as_json(judgement)["metrics"]) == [name]


@given(st.floats(0.01, 100))
def test_every_rendering_tells_the_same_verdict(factor: float) -> None:
    _, _, judgement = judged("x", factor)
    verdict = as_json(judgement)["metrics"]["x"]["verdict"]
    assert text_of(judgement).split("\n")[5].endswith(verdict)
    assert f"| {verdict} |" in markdown(judgement)
    assert ("<failure" in junit(judgement)) is (verdict == "worse")
    assert ("<skipped" in junit(judgement)) is (verdict == "inconclusive")

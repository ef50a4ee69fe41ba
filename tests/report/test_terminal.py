from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.cells import cell_len

from toolkit.report.results_json import to_jsonable
from toolkit.report.terminal import terminal_text
from toolkit.report.wording import count, percent

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.replay.results import Comparison


def test_the_table_of_a_small_comparison(small: Comparison, golden: Callable[[str, str], None]) -> None:
    golden("terminal.txt", terminal_text(small))


def test_it_fits_eighty_columns_without_colour(small: Comparison, large: Comparison, hostile: Comparison) -> None:
    for made in (small, large, hostile):
        text = terminal_text(made)
        assert max(cell_len(line) for line in text.split("\n")) <= 80
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_the_numbers_are_those_of_the_results_file(large: Comparison) -> None:
    """A second witness of the golden table: rate and swaps of every strategy, found in its row."""
    lines = terminal_text(large).split("\n")
    for name, told in to_jsonable(large)["strategies"].items():
        row = next(line for line in lines if re.match(rf"[* ] {re.escape(name)} ", line))
        assert percent(told["hit_rate"]) in row
        assert count(told["swaps"]) in row


def test_the_verdict_stands_above_the_table(small: Comparison) -> None:
    text = " ".join(terminal_text(small).split())
    assert text.index(small.verdict) < text.index("strategy ")


def test_the_best_are_marked_without_colour(small: Comparison) -> None:
    marked = [line.split()[1] for line in terminal_text(small).split("\n") if line.startswith("* ")]
    assert marked == ["ram", "lru-unload", "shortest"]


def test_colour_is_given_only_when_asked_for(small: Comparison) -> None:
    coloured = terminal_text(small, color=True)
    assert "\x1b[" in coloured
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in bare.split("\n")] == terminal_text(small).split("\n")


def test_who_got_no_answer_is_told_below(small: Comparison) -> None:
    first = replace(small.strategies[0], answered=20, rejected=3, unanswered=1)
    text = terminal_text(replace(small, strategies=(first, *small.strategies[1:])))
    assert "- server-default: 3 rejected, 1 never answered of 24 requests." in text


def test_without_answers_there_is_still_a_table(small: Comparison) -> None:
    none = [replace(one, wait=None, ttft_cold=None, ttft_warm=None, e2e=None) for one in small.strategies]
    text = terminal_text(replace(small, strategies=tuple(none), optimum=None))
    assert "server-default" in text
    assert "None" not in text
    assert "* " not in text

"""What `hotswap swap` refuses, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from toolkit.cli.swap import swap
from toolkit.cli.swap_run import Keeper
from toolkit.errors import HotswapError, UsageError
from toolkit.measure.host_facts import HostFacts
from toolkit.measure.swap.study import SwapOrder

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "--host URL"),
        (("--host", NOBODY), 1, NOBODY),
        (("--host", NOBODY, "--drop-caches"), 2, "--ssh USER@HOST"),
        (("--host", NOBODY, "--ssh", "me@there"), 2, "--ssh is for --drop-caches"),
        (("--host", NOBODY, "--ram", "much"), 2, "much"),
        (("--host", NOBODY, "--out", "/proc/none"), 2, "--out"),
    ],
)
def test_mistakes_are_plain_sentences(arguments: tuple[str, ...], code: int, words: str, tmp_path: Path) -> None:
    out = () if "--out" in arguments else ("--out", str(tmp_path))
    failure = CliRunner().invoke(swap, ["a", "b", *arguments, *out, "--quiet"]).exception
    assert isinstance(failure, HotswapError)
    assert failure.exit_code == code
    assert words in str(failure)


def test_a_simulation_has_a_page_cache_of_its_own(tmp_path: Path) -> None:
    order = SwapOrder(("a", "b"), 1, 0, {}, None)
    facts = HostFacts(NOBODY, "0.32.15", "0.1.0", "2026-11-28T01:02:03Z", (), simulated=True)
    with pytest.raises(UsageError, match="page cache of its own"):
        Keeper(tmp_path, order, drops=True, quiet=True).started(facts, 6)
    Keeper(tmp_path, order, drops=False, quiet=True).started(facts, 6)


def test_an_earlier_measurement_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "swap_matrix.csv").write_text("kept", encoding="utf-8")
    failure = CliRunner().invoke(swap, ["a", "b", "--host", NOBODY, "--out", str(tmp_path), "--quiet"]).exception
    assert isinstance(failure, UsageError)
    assert "earlier measurement" in str(failure)
    assert (tmp_path / "swap_matrix.csv").read_text(encoding="utf-8") == "kept"


def test_no_is_no(tmp_path: Path) -> None:
    """Whoever does not agree that the page cache is dropped has measured nothing and changed nothing."""
    arguments = ["a", "b", "--host", NOBODY, "--drop-caches", "--ssh", "me@there", "--out", str(tmp_path)]
    failure = CliRunner().invoke(swap, arguments, input="n\n").exception
    assert isinstance(failure, HotswapError)
    assert "may not be dropped" in str(failure)
    assert list(tmp_path.iterdir()) == []

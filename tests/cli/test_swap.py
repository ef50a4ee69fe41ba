"""What `hotswap swap` refuses, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from toolkit.cli.swap import swap
from toolkit.errors import HotswapError

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


def test_no_is_no(tmp_path: Path) -> None:
    """Whoever does not agree that the page cache is dropped has measured nothing and changed nothing."""
    arguments = ["a", "b", "--host", NOBODY, "--drop-caches", "--ssh", "me@there", "--out", str(tmp_path)]
    failure = CliRunner().invoke(swap, arguments, input="n\n").exception
    assert isinstance(failure, HotswapError)
    assert "may not be dropped" in str(failure)
    assert list(tmp_path.iterdir()) == []

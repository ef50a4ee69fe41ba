"""What the commands that serve share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from toolkit.cli.main import cli
from toolkit.cli.serving import check_ready_file, is_loopback, run_to_the_end, write_ready_file
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


NOBODY = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("bind", "alone"),
    [("127.0.0.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.com", False)],  # noqa: S104 - judged, not bound
)
def test_only_addresses_of_this_machine_are_loopback(bind: str, alone: bool) -> None:
    assert is_loopback(bind) is alone


def test_the_ready_file_has_the_url_in_its_first_line(tmp_path: Path) -> None:
    write_ready_file(tmp_path / "ready", "http://x")
    assert (tmp_path / "ready").read_text(encoding="utf-8") == "http://x\n"
    with pytest.raises(UsageError, match="give another --ready-file"):
        write_ready_file(tmp_path / "no" / "ready", "http://x")


def test_a_ready_file_that_cannot_be_written_is_said_before_anything_is_begun(tmp_path: Path) -> None:
    check_ready_file(None)
    check_ready_file(tmp_path / "ready")
    for wrong, words in ((tmp_path / "no" / "ready", "there is no folder"), (tmp_path, "that is a folder")):
        with pytest.raises(UsageError, match=f"{words}.*give another --ready-file"):
            check_ready_file(wrong)
        for command in (
            ("serve",),
            ("twin", "serve"),
            ("record", "--host", NOBODY, "--out", str(tmp_path / "t.jsonl")),
        ):
            result = CliRunner().invoke(cli, [*command, "--port", "0", "--ready-file", str(wrong)])
            assert isinstance(result.exception, UsageError)
            assert words in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_what_is_run_gives_its_value() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    assert run_to_the_end(work()) == "done"

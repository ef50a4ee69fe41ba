"""Files that cannot be used, handed to every command that reads one; and options that a command does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from toolkit.cli.main import cli
from toolkit.errors import HotswapError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["gate", "calibrate", "validate"])
def test_a_command_that_asks_no_host_does_not_offer_one(name: str) -> None:
    told = CliRunner().invoke(cli, [name, "--help"]).output
    assert "--config" in told
    assert "--host" not in told


@pytest.mark.parametrize(
    "arguments",
    [
        ("doctor", "--host", "http://127.0.0.1:1", "--swaps"),
        ("validate", "--recording"),
        ("calibrate", "--out", "x.yaml", "--recording"),
        ("fit", "--cases"),
        ("fit", "--observed"),
        ("gate", "a.txt"),
        ("runs", "import"),
        ("replay", "--format", "jsonl", "--trace"),
        ("route", "--eval"),
        ("config", "check"),
        ("twin", "check"),
    ],
)
@pytest.mark.parametrize("what", ["missing", "directory", "empty", "binary"])
def test_a_file_that_cannot_be_used_is_one_sentence_without_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("BenchmarkX 1 100 ns/op\n" * 9)
    (tmp_path / "directory").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 4)
    done = CliRunner().invoke(cli, [*arguments, what])
    error = done.exception
    if what == "empty" and error is None:  # no cases, and a config that leaves all to its defaults, are no mistakes
        return
    assert isinstance(error, HotswapError), error
    assert error.exit_code in {1, 2, 3}
    assert "Errno" not in str(error)
    assert what in str(error)

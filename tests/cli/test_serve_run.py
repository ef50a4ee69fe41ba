"""What `hotswap serve` says at the end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from toolkit.cli.main import cli
from toolkit.cli.serve_run import _trace
from toolkit.errors import UsageError
from toolkit.gateway.sessions.database import connect
from toolkit.sole_writer import sole_writer
from toolkit.workload.traces.logged import LoggedRequest


def test_requests_that_did_not_fit_into_the_trace_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with _trace(Path("/dev/full")) as log:
        assert log is not None
        log.append(LoggedRequest(at_ns=1, model="m"))
    assert "1 requests are missing in /dev/full: No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize("in_use", ["s.db", "t.jsonl"])
def test_a_file_in_use_is_said_before_anybody_listens(tmp_path: Path, in_use: str) -> None:
    """By another gateway, or by a recording; the commands that read it go on."""
    sessions, trace = tmp_path / "s.db", tmp_path / "t.jsonl"
    arguments = ("--set", f"gateway.sessions.file={sessions}", "--trace-out", str(trace), "--port", "0")
    with sole_writer(tmp_path / in_use, "", pytest.fail):
        result = CliRunner().invoke(cli, ["serve", *arguments])
        assert isinstance(result.exception, UsageError)
        option = "--set gateway.sessions.file=FILE" if in_use == "s.db" else "--trace-out"
        assert f"{in_use}: process {os.getpid()} writes to this file" in str(result.exception)
        assert str(result.exception).endswith(f"or name another file with {option}")


def test_sessions_are_read_while_a_gateway_has_them(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    connect(file, 1).close()
    with sole_writer(file, "", pytest.fail):
        assert CliRunner().invoke(cli, ["sessions", "list", "--sessions", str(file)]).exit_code == 0
        assert (
            CliRunner().invoke(cli, ["sessions", "rm", "--older-than", "1h", "--yes", "--sessions", str(file)]).stdout
        )

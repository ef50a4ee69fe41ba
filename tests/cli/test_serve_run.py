"""What `hotswap serve` says at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cli.serve_run import _trace
from toolkit.workload.traces.logged import LoggedRequest

if TYPE_CHECKING:
    import pytest


def test_requests_that_did_not_fit_into_the_trace_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with _trace(Path("/dev/full")) as log:
        assert log is not None
        log.append(LoggedRequest(at_ns=1, model="m"))
    assert "1 requests are missing in /dev/full: No space left on device" in capsys.readouterr().err

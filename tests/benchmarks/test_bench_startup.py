"""What `hotswap --help` costs, beside an import of click: the ratio of the two medians should stay below three."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

COMMANDS = {
    "import-click": "import click",
    "hotswap-help": "import sys; sys.argv = ['hotswap', '--help']; from toolkit.cli.main import main; main()",
}


@pytest.mark.parametrize("what", COMMANDS)
def test_start(benchmark: BenchmarkFixture, what: str) -> None:
    def start() -> int:
        return subprocess.run([sys.executable, "-c", COMMANDS[what]], capture_output=True, check=True).returncode

    assert benchmark.pedantic(start, rounds=15, warmup_rounds=2) == 0

"""`make test-live`: only ever when asked, only that host; and the live tests pass, here against the twin."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.addresses import LIVE_HOST
from tests.end_to_end.test_live import PATIENCE_S, PROJECT, loaded, quick_config, served_twin

if TYPE_CHECKING:
    from pathlib import Path

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/live"]


def pytest_run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOTSWAP_")}
    return subprocess.run(
        [*PYTEST, *arguments],
        cwd=PROJECT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE_S,
    )


def test_live_tests_are_left_out_unless_asked_for() -> None:
    done = pytest_run("--collect-only")
    assert done.returncode == 5, done.stdout  # pytest's code for: no tests
    assert re.search(r"\d+ deselected", done.stdout)


def test_they_pass_against_a_served_twin(tmp_path: Path) -> None:
    with served_twin(tmp_path, "--config", quick_config(tmp_path), "--time-scale", "0.01") as (url, _):
        done = pytest_run("-m", "live", **{LIVE_HOST: url})
        assert done.returncode == 0, done.stdout
        assert re.search(r"\b8 passed", done.stdout), done.stdout
        assert loaded(url) == {}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (("HOST=http://127.0.0.1:9", "MODELS=a b"), "HOTSWAP_LIVE_HOST='http://127.0.0.1:9' HOTSWAP_LIVE_MODELS='a b'"),
        ((), "say which host"),
    ],
)
def test_make_passes_the_host_on_and_asks_for_one(variables: tuple[str, ...], words: str) -> None:
    """`make -n` prints what it would do, and installs nothing."""
    done = subprocess.run(
        ["make", "-n", "test-live", *variables], cwd=PROJECT, capture_output=True, text=True, check=True  # noqa: S607
    )  # fmt: skip
    assert words in done.stdout

"""The whole program without a process of its own, which costs most of a second: what it says, and how it ends.

Where the process is the point (signals, a terminal, start-up), start one.
"""

from __future__ import annotations

import gc
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from click.testing import CliRunner

from toolkit.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Done:
    """How a call ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def run_here(*words: object) -> Done:
    """`hotswap WORDS…` with nobody at its terminal, through the program's own way of ending."""
    with CliRunner().isolation() as (out, err, _), _as_it_was():
        sys.argv = ["hotswap", *map(str, words)]
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stdout.flush()
        return Done(code, out.getvalue().decode(), err.getvalue().decode())


@contextmanager
def _as_it_was() -> Iterator[None]:
    """What the program sets for its whole process is put back."""
    words, handler, thresholds = sys.argv, signal.getsignal(signal.SIGTERM), gc.get_threshold()
    try:
        yield
    finally:
        sys.argv = words
        signal.signal(signal.SIGTERM, handler)
        gc.set_threshold(*thresholds)

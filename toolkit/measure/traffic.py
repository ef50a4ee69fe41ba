"""The traffic of a directory: as recorded, or a run of `hotswap replay`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.measure.recording import REQUESTS, Recording, read_recording
from toolkit.measure.run_recording import recording_of
from toolkit.replay.runfile import RUN_FILE, read_run

if TYPE_CHECKING:
    from pathlib import Path


def has_traffic(directory: Path) -> bool:
    """Whether there is either."""
    return any((directory / name).is_file() for name in (REQUESTS, RUN_FILE))


def read_traffic(directory: Path) -> Recording:
    """Read `requests.jsonl`, or else `run.jsonl`.

    Raises:
        InputError: neither is there, or it is not readable.
    """
    if not (directory / REQUESTS).is_file() and (directory / RUN_FILE).is_file():
        return recording_of(read_run(directory))
    return read_recording(directory)

"""A twin of the recorded models, without invented durations, on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.host.app.serve import listening
from toolkit.host.assembly import Twin, TwinOptions, assemble
from toolkit.host.clock import RealClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def recorded(project_dir: Path) -> Path:
    """The file with the recorded models."""
    return project_dir / "tests" / "fixtures" / "http_twin" / "models.json"


@pytest.fixture
def twin(recorded: Path) -> Twin:
    return assemble(TwinOptions(models_file=recorded, time_scale=0.0), RealClock())


@pytest.fixture
async def url(twin: Twin) -> AsyncIterator[str]:
    async with listening(twin.app, "127.0.0.1", 0) as base:
        yield base

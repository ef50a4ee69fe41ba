"""The pytest plugin: a fixture with a simulated Ollama host, for this project and for any other that installs it.

    @pytest.mark.ollama_twin(models=["llama3.2:3b"], env={"OLLAMA_MAX_LOADED_MODELS": "1"})
    def test_answers(ollama_twin):
        ...

It is registered as an entry point and so imported whenever pytest starts: nothing is loaded before a test asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.host.mock import MockTwin

MARKER = (
    "ollama_twin(models=..., env=..., faults=..., answers=..., ...): what the fixture ollama_twin simulates; "
    "arguments as of toolkit.host.mock.mock_ollama"
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def ollama_twin(request: pytest.FixtureRequest) -> Iterator[MockTwin]:
    """A simulated Ollama host at http://127.0.0.1:11434 for the clients of this test; see docs/mock.md."""
    from toolkit.host.mock import mock_ollama  # noqa: PLC0415 - only for tests that want it

    marker = request.node.get_closest_marker("ollama_twin")
    arguments, options = ((), {}) if marker is None else (marker.args, marker.kwargs)
    with mock_ollama(*arguments, **options) as twin:
        yield twin

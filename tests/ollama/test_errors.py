"""The error tree: its picture, its root, and its way between processes."""

from __future__ import annotations

import pickle
import re

import pytest

from toolkit.errors import HostError
from toolkit.ollama import errors
from toolkit.ollama.errors import ErrorLineError, OllamaError, Progress, ServerBusyError
from toolkit.ollama.types import Times

ALL = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, HostError)]


def drawn_tree() -> dict[str, str]:
    """Child → parent, as the module's docstring draws them."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│├└─ ]*)(\w+Error)\s", line)
        if match is not None:
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            if depth:
                parents[match[2]] = path[depth - 1]
    return parents


def test_the_drawing_is_the_tree() -> None:
    assert drawn_tree() == {kind.__name__: kind.__bases__[0].__name__ for kind in ALL if kind is not HostError}


@pytest.mark.parametrize("kind", [kind for kind in ALL if issubclass(kind, OllamaError)])
def test_errors_survive_the_way_between_processes(kind: type[OllamaError]) -> None:
    progress = Progress("http://a", "GET /", Times(1, 2), "text")
    again = pickle.loads(pickle.dumps(kind("what, where, what to do", progress)))  # noqa: S301 - our own bytes
    assert type(again) is kind
    assert (str(again), again.progress) == ("what, where, what to do", progress)


def test_what_the_server_said_survives_too() -> None:
    busy = pickle.loads(pickle.dumps(ServerBusyError("m", status=503, server_message="busy")))  # noqa: S301 - our own
    assert (busy.status, busy.server_message) == (503, "busy")
    line = pickle.loads(pickle.dumps(ErrorLineError("m", server_message="EOF")))  # noqa: S301 - our own bytes
    assert line.server_message == "EOF"


def test_every_host_error_ends_the_command_line_with_1() -> None:
    assert {kind.exit_code for kind in ALL} == {1}

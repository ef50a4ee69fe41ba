"""The twin inside a test: the same application as `hotswap twin serve`, without sockets, for httpx-based clients.

    from toolkit.host.mock import mock_ollama

    with mock_ollama() as twin:
        answer = ollama.chat("qwen2.5:7b", [{"role": "user", "content": "hello"}], keep_alive="30m")
        twin.advance("31m")
        assert [load.model for load in twin.loads] == ["qwen2.5:7b"]
        assert twin.loaded == ()

See docs/mock.md. It needs the extra `mock` (respx), and says so where that is missing.
"""

from toolkit.errors import UsageError

try:
    import respx as _respx  # noqa: F401 - only to say early what is missing
except ImportError as error:
    raise UsageError("the mock needs respx; install it with `pip install 'hotswap-toolkit[mock]'`") from error

from toolkit.host.mock.errors import MockEndedError, MockStuckError, TwinCrashedError
from toolkit.host.mock.ledger import Eviction, Load, SeenRequest, Unload
from toolkit.host.mock.twin import MockTwin, mock_ollama

__all__ = [
    "Eviction",
    "Load",
    "MockEndedError",
    "MockStuckError",
    "MockTwin",
    "SeenRequest",
    "TwinCrashedError",
    "Unload",
    "mock_ollama",
]

"""The twin inside a test: the same application as `hotswap twin serve`, without sockets, for httpx-based clients.

    from toolkit.host.mock import mock_ollama

    with mock_ollama() as twin:
        answer = ollama.chat("qwen2.5:7b", [{"role": "user", "content": "hello"}], keep_alive="30m")
        twin.advance("31m")
        assert [load.model for load in twin.loads] == ["qwen2.5:7b"]
        assert twin.loaded == ()

See docs/mock.md. It needs the extra `mock` (respx).
"""

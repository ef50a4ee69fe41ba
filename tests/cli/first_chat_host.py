"""A host of plain sockets that sees when a command sends its first request, and can look at it before it answers."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

MODELS = ("qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b")
"""Those of the embedded default."""
DONE = {"message": {"role": "assistant", "content": "hi"}, "done": True, "done_reason": "stop", "load_duration": 1}
ANSWERS = {
    "/api/version": {"version": "0.32.15"},
    "/api/ps": {"models": []},
    "/api/tags": {
        "models": [{"name": name, "model": name, "digest": "d", "size": 1, "details": {}} for name in MODELS]
    },
    "/api/chat": {"model": "m", "created_at": "2026-11-28T00:00:00Z", **DONE},
    "/api/generate": {"model": "m", "created_at": "2026-11-28T00:00:00Z", "response": "", "done": True},
}


class FirstChatHost:
    """Serves on a free loopback port while it is entered. `on_chat` is called when a chat with messages has come."""

    def __init__(self, on_chat: Callable[[], None]) -> None:
        self._on_chat = on_chat
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve_until_gone, args=(connection,), daemon=True).start()

    def _serve_until_gone(self, connection: socket.socket) -> None:
        with suppress(ConnectionError):  # a command may be ended once its first chat has come
            self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            while asked := lines.readline():
                length = 0
                while (header := lines.readline().lower()) not in {b"\r\n", b""}:
                    name, _, value = header.partition(b":")
                    length = int(value) if name == b"content-length" else length
                body = lines.read(length)
                path = asked.split(b" ")[1].decode()
                if path == "/api/chat" and json.loads(body).get("messages"):
                    self._on_chat()
                answer = json.dumps(ANSWERS[path]).encode()
                head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                connection.sendall(f"{head}Content-Length: {len(answer)}\r\n\r\n".encode() + answer)

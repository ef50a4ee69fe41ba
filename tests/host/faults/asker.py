"""A mocked host and a patient client, with short ways to ask it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from toolkit.host.mock import MockTwin

MODEL = "qwen2.5:7b"
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Asker:
    """A twin and a patient client."""

    twin: MockTwin
    client: httpx.Client

    def generate(self, model: str = MODEL, **more: Any) -> httpx.Response:
        """An answer in one piece."""
        return self.client.post("/api/generate", json={"model": model, "prompt": "hi", "stream": False, **more})

    def lines(self, path: str = "/api/generate", **more: Any) -> list[dict[str, Any]]:
        """The lines of a stream; what comes before an error of the client is lost with it."""
        with self.client.stream("POST", path, json={"model": MODEL, "prompt": "hi", **more}) as response:
            return [json.loads(line) for line in response.iter_lines()]

    def pieces(self, path: str = "/api/generate", **more: Any) -> tuple[list[bytes], Exception | None]:
        """The pieces of a stream, and the error that ended it."""
        pieces: list[bytes] = []
        try:
            with self.client.stream("POST", path, json={"model": MODEL, "prompt": "hi", **more}) as response:
                pieces.extend(response.iter_raw())
        except httpx.HTTPError as error:
            return pieces, error
        return pieces, None

    def installed(self) -> set[str]:
        """What is on disk."""
        return {model["name"] for model in self.client.get("/api/tags").json()["models"]}

"""Endpoints that need the cloud or an account, which the twin has not, and the recommendations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.host.app.anthropic import Anthropic
from toolkit.host.app.exchange import Answer, error_answer, json_answer
from toolkit.host.app.responses import Responses
from toolkit.host.app.routing import Route

if TYPE_CHECKING:
    from toolkit.host.app.exchange import Call
    from toolkit.host.app.services import Services

_CLOUD_RECOMMENDATIONS = (
    ("kimi-k2.6:cloud", "State-of-the-art coding, long-horizon execution, and multimodal agent swarm capability",
     262144, 262144),
    ("glm-5.1:cloud", "Reasoning and code generation", 202752, 131072),
    ("qwen3.5:cloud", "Reasoning, coding, and agentic tool use with vision", 262144, 32768),
    ("minimax-m2.7:cloud", "Fast, efficient coding and real-world productivity", 204800, 128000),
)  # fmt: skip
_LOCAL_RECOMMENDATIONS = (
    ("gemma4", "Reasoning and code generation locally", 12_000_000_000),
    ("qwen3.5", "Reasoning, coding, and visual understanding locally", 14_000_000_000),
)


@dataclass(frozen=True, slots=True)
class Extras:
    """The handlers."""

    services: Services

    async def me(self, call: Call) -> Answer:
        """`/api/me`: the account service cannot be reached."""
        del call
        return error_answer(503, "account unavailable")

    async def signout(self, call: Call) -> Answer:
        """`/api/signout`."""
        del call
        return error_answer(500, "there was an error signing out")

    async def web_search(self, call: Call) -> Answer:
        """`/api/experimental/web_search`."""
        return await self._web(call, "web search is unavailable")

    async def web_fetch(self, call: Call) -> Answer:
        """`/api/experimental/web_fetch`."""
        return await self._web(call, "web fetch is unavailable")

    @staticmethod
    async def _web(call: Call, what: str) -> Answer:
        if not (await call.body()).strip():
            return error_answer(400, "missing request body")
        return error_answer(403, f"ollama cloud is disabled: {what}")

    async def recommendations(self, call: Call) -> Answer:
        """`/api/experimental/model-recommendations`: the list that is built in."""
        del call
        found: list[dict[str, Any]] = [
            {"model": model, "description": text, "context_length": context, "max_output_tokens": most}
            for model, text, context, most in _CLOUD_RECOMMENDATIONS
        ]
        found += [
            {"model": model, "description": text, "vram_bytes": size} for model, text, size in _LOCAL_RECOMMENDATIONS
        ]
        return json_answer({"recommendations": found})

    def compatible_routes(self) -> list[Route]:
        """The APIs of other makers."""
        return [
            Route("/v1/messages", {"POST": Anthropic(self.services)}),
            Route("/v1/responses", {"POST": Responses(self.services)}),
        ]

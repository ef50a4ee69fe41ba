"""What `LLMClient` needs of its parts, as protocols, and the values that it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.replay.hoststate import Controls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.cache.strategy import Access, Answer, Directive, HostView
    from toolkit.llm.usage import End
    from toolkit.ollama.answer_stream import AnswerStream
    from toolkit.ollama.types import ChatAnswer, ChatMessage, ChatRequest, Think


class Host(Controls, Protocol):
    """A host's calls; `OllamaClient` has them."""

    def stream_chat(self, request: ChatRequest) -> AnswerStream[ChatAnswer]:
        """Chat, with the events as they come."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class Cache(Protocol):
    """A strategy with its view of the host, safe to share between threads; `CacheManager` is one."""

    def directive_for(self, access: Access) -> Directive:
        """What to do around this request, which counts as under way from here."""
        ...

    def finished(self, access: Access, answer: Answer) -> None:
        """The request has ended, well or badly; reported once for each `directive_for`."""
        ...

    def reconcile(self, view: HostView, seen_ns: int) -> object:
        """Set the belief right by `/api/ps`, as asked for at `seen_ns`."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a conversation, and how. `model` None lets the router choose by the last user message.

    `options` win over those that the config has for the model.
    """

    messages: Sequence[ChatMessage]
    model: str | None = None
    options: Mapping[str, Any] | None = None
    think: Think | None = None
    format: str | Mapping[str, Any] | None = None
    tools: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """Which model a question went to and why; `rule` is the number of the custom rule, from 1, if one decided."""

    model: str
    reason: str
    rule: int | None


@dataclass(frozen=True, slots=True)
class LLMAnswer:
    """An answer with its history: the route, what the strategy had done around it, and how the model was found.

    `found`: `hits` in memory, `joined` another request's load, `loads` its own.
    """

    answer: ChatAnswer
    route: Route
    directive: Directive
    found: End

    @property
    def text(self) -> str:
        """The answer's text."""
        return self.answer.text

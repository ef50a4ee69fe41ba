"""The composition with its surroundings: reads the files, searches the session, learns the tokens, composes.

composer = await Composer.open(section, sessions)
composition = await composer.compose(turn.history, request, Wanted(model, context_tokens, answer_tokens))
…
composer.learn(model, composition.report, counters.prompt_eval_count)
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import HotswapError
from toolkit.gateway.context.compose import Draft
from toolkit.gateway.context.embedding import MOST_CHARACTERS, PackagedEmbedder, nearest, packaged_embedder, packed
from toolkit.gateway.context.excerpts import fused
from toolkit.gateway.context.folder import WORKSPACE_FILES, Folder
from toolkit.gateway.context.parts import Budget, Composition, ContextParts, Excerpt, HeadPart
from toolkit.gateway.context.tokens import TokenBook
from toolkit.gateway.sessions.store import END

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.config.remembering import ContextSection
    from toolkit.gateway.context.embedding import Embedder
    from toolkit.gateway.context.parts import ContextReport
    from toolkit.gateway.sessions import History, SessionStore
    from toolkit.ollama.types import ChatMessage

MOST_FOUND = 16
EMBED_WAIT_S = 0.3
"""How long a question may wait for its vector; then it is searched by words alone."""
SYSTEM = "system prompt"


def history_needed(section: ContextSection) -> int:
    """How many of the newest messages a composition looks at: what may be sent, and twice as much to be summarised."""
    return 3 * section.recent_messages


@dataclass(frozen=True, slots=True)
class Wanted:
    """For which model, and how much of its context: see `effective_context` and `answer_room`."""

    model: str
    context_tokens: int
    answer_tokens: int
    tools: str = ""


class Composer:
    """Composes for any model and session. One event loop; files are read in a thread."""

    def __init__(self, section: ContextSection, sessions: SessionStore, embedder: Embedder | None = None) -> None:
        """With the host's embedder, None to search by words.

        Raises:
            UsageError: the section wants the packaged model, and the extra is not installed.
        """
        self.book = TokenBook()
        self.section = section
        self._sessions = sessions
        given = packaged_embedder() if section.search == "packaged" else embedder
        self._embedder = None if section.search == "words" else given
        self._folders = tuple(_folders(section))

    async def recall(self) -> None:
        """Learn what the session file knows of the models' tokens; once, at the beginning."""
        for each in await self._sessions.measured():
            self.book.observe(each.model, each.weight, each.tokens)

    async def warm(self) -> None:
        """Have the embedder ready before somebody asks: the packaged model takes long to load.

        Raises:
            HotswapError: it does not work.
        """
        if isinstance(self._embedder, PackagedEmbedder):
            await self._embedder.embed(["ready?"])

    async def compose(self, history: History, request: Sequence[ChatMessage], wanted: Wanted) -> Composition:
        """Exactly what to send, and why.

        Raises:
            ContextOverflowError: the request does not fit.
        """
        head = await asyncio.to_thread(self._head) if self._folders else self._head()
        section = self.section
        budget = Budget(
            wanted.context_tokens,
            wanted.answer_tokens,
            self.book.of(wanted.model),
            section.recent_messages,
            section.summary_tokens,
            section.relevant_tokens,
        )
        draft = Draft(ContextParts(head, (), wanted.tools), history, request, budget)
        if not draft.drops or not section.relevant_tokens:
            return draft.composed(())
        return draft.composed(await self._found(history, request, END if draft.first is None else draft.first))

    def learn(
        self, model: str, report: ContextReport, prompt_tokens: int | None, context_tokens: int | None = None
    ) -> None:
        """Learn from the server's count of a composition. `context_tokens`: the limit at which the server cuts."""
        if prompt_tokens is not None:
            self.book.observe(model, report.weight, prompt_tokens, context_tokens)

    async def embed_session(self, session_id: str, limit: int = 32) -> int:
        """Give vectors to messages that have none yet, the oldest first; how many. For idle time.

        Raises:
            HotswapError: the embedder or the file fails.
        """
        if self._embedder is None:
            return 0
        model = self._embedder.model
        waiting = await self._sessions.unembedded(session_id, model, limit)
        if not waiting:
            return 0
        vectors = await self._embedder.embed([text[:MOST_CHARACTERS] for _, text in waiting])
        kept = {key: data for (key, _), vector in zip(waiting, vectors, strict=True) if (data := packed(vector))}
        await self._sessions.add_vectors(model, kept)
        return len(kept)

    def _head(self) -> tuple[HeadPart, ...]:
        prompt = (HeadPart(SYSTEM, self.section.system),) if self.section.system else ()
        return (*prompt, *(part for folder in self._folders for part in folder.parts()))

    async def _found(self, history: History, request: Sequence[ChatMessage], before: int) -> tuple[Excerpt, ...]:
        """Older messages that share words or meaning with the question, the most relevant first."""
        said = (*(each.message for each in history.messages), *request)
        question = next((message.content for message in reversed(said) if message.role == "user"), "")
        if not question:
            return ()
        hits = await self._sessions.related(history.session_id, question, MOST_FOUND, before)
        texts = {hit.position: (hit.role, hit.content) for hit in hits}
        why = {hit.position: f"shares words with the question (score {hit.score:.1f})" for hit in hits}
        likely = await self._alike(history.session_id, question, before)
        missing = [position for position, _ in likely if position not in texts]
        texts.update(await self._sessions.texts(history.session_id, missing))
        for position, likeness in likely:
            why[position] = f"means something like the question (cosine {likeness:.2f})"
        order = fused([[hit.position for hit in hits], [position for position, _ in likely]])
        return tuple(Excerpt(position, *texts[position], why[position]) for position in order if position in texts)

    async def _alike(self, session_id: str, question: str, before: int) -> tuple[tuple[int, float], ...]:
        """Positions by meaning; none where there is no embedder, or where it is slow or fails."""
        if self._embedder is None:
            return ()
        vectors = await self._sessions.vectors(session_id, self._embedder.model, before)
        if not vectors:
            return ()
        with suppress(TimeoutError, HotswapError):  # the question is answered all the same
            async with asyncio.timeout(EMBED_WAIT_S):
                (vector,) = await self._embedder.embed([question[:MOST_CHARACTERS]])
            data = packed(vector)
            return () if data is None else await asyncio.to_thread(nearest, data, vectors, MOST_FOUND)
        return ()


def _folders(section: ContextSection) -> Iterable[Folder]:
    if section.workspace is not None:
        yield Folder(Path(section.workspace).expanduser(), section.workspace_tokens, WORKSPACE_FILES)
    if section.memory is not None:
        yield Folder(Path(section.memory).expanduser(), section.memory_tokens)

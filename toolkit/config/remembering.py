"""The gateway's memory in a config: where sessions are kept and for how long, and what a model is given to read."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from toolkit.config.durations import NS_PER_S
from toolkit.config.scalars import ModelName, TimeoutNs
from toolkit.config.section import Section

_Path = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
_Tokens = Annotated[int, Field(ge=0, le=1_000_000)]


class SessionsSection(Section):
    """Every message of every session, in one SQLite file; `file: null` turns sessions off.

    `keep`: sessions that were not used for so long are removed; -1 keeps them for ever.
    """

    file: _Path | None = "reports/sessions.db"
    keep_ns: TimeoutNs = Field(default=90 * 24 * 3600 * NS_PER_S, alias="keep")


class ContextSection(Section):
    """What a model is given to read before the question. Budgets are tokens; files together take half at most.

    `system` is the system prompt, `workspace` a folder with AGENTS.md, SOUL.md and TOOLS.md, `memory` one with *.md
    files; they are read again when they change. `recent_messages`: the most that are sent as they were. `answer`: the
    room that stays free, if a request has no num_predict of its own. `summarise` lets the fast model tell in idle time
    what falls out. `search`: how older messages are found that matter to the question: `words`; `packaged`,
    by meaning with the model of the extra [semantic]; `auto`, by meaning where `embedding_model` names one of the host,
    else by words.
    """

    system: Annotated[str, StringConstraints(max_length=100_000)] = ""
    workspace: _Path | None = None
    memory: _Path | None = None
    workspace_tokens: _Tokens = 2048
    memory_tokens: _Tokens = 1024
    summary_tokens: _Tokens = 512
    relevant_tokens: _Tokens = 1024
    answer_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    recent_messages: Annotated[int, Field(ge=1, le=200)] = 64
    summarise: bool = True
    search: Literal["auto", "words", "packaged"] = "auto"
    embedding_model: ModelName | None = None

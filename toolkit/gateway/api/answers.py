"""What is answered, as types for the OpenAPI document. Hosts say more than is named here, and that is passed on."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Object = dict[str, Any]


class Said(BaseModel):
    """An answer, or an object in one."""

    model_config = ConfigDict(extra="allow")


class Error(Said):
    """What went wrong, in one sentence."""

    error: str


class GptErrorText(Said):
    """What went wrong, as OpenAI's clients read it."""

    message: str
    type: str
    param: str | None
    code: str | None


class GptError(Said):
    """What went wrong, as OpenAI's clients read it."""

    error: GptErrorText


class _Counted(Said):
    model: str
    created_at: str
    done: bool
    done_reason: str | None = None
    total_duration: int | None = Field(default=None, description="Nanoseconds.")
    load_duration: int | None = Field(default=None, description="Nanoseconds until the model was in hand.")
    prompt_eval_count: int | None = None
    prompt_eval_duration: int | None = Field(default=None, description="Nanoseconds.")
    eval_count: int | None = None
    eval_duration: int | None = Field(default=None, description="Nanoseconds.")


class SaidMessage(Said):
    """What the model says."""

    role: str
    content: str
    thinking: str | None = None
    tool_calls: list[Object] | None = None


class ChatAnswer(_Counted):
    """The whole answer, or one line of it; the last line has `done` and the counters."""

    message: SaidMessage


class GenerateAnswer(_Counted):
    """The whole answer, or one line of it; the last line has `done` and the counters."""

    response: str


class EmbedAnswer(Said):
    """One vector for each text."""

    model: str
    embeddings: list[list[float]]


class EmbeddingsAnswer(Said):
    """The vector of the text."""

    embedding: list[float]


class ModelRow(Said):
    """A model on disk or in memory."""

    name: str
    digest: str
    size: int


class Models(Said):
    """Models of all hosts; of one that several have, the first host's row."""

    models: list[ModelRow]


class Version(Said):
    """The version of the first host's server."""

    version: str


class ShowAnswer(Said):
    """What a host says of a model."""

    details: Object


class Progress(Said):
    """One line of a transfer, or its end."""

    status: str


class Status(Said):
    """Whether it is well."""

    status: str


class GptDelta(Said):
    """A choice of an answer."""

    index: int
    finish_reason: str | None


class GptUsage(Said):
    """Tokens."""

    prompt_tokens: int
    total_tokens: int


class GptChat(Said):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[GptDelta]
    usage: GptUsage


class GptChunk(Said):
    """One event of an answer; after the last comes `[DONE]`."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[GptDelta]


class GptText(Said):
    """A whole completion of a text."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[GptDelta]
    usage: GptUsage


class GptTextChunk(Said):
    """One event of a completion; after the last comes `[DONE]`."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[GptDelta]


class GptEmbeddings(Said):
    """Vectors, in base64 if that was asked for."""

    object: Literal["list"]
    data: list[Object]
    model: str
    usage: GptUsage


class GptModel(Said):
    """A model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class GptModels(Said):
    """The models of all hosts."""

    object: Literal["list"]
    data: list[GptModel]


class Spread(Said):
    """Seconds; null where nothing was measured."""

    p95: float | None


class Used(Said):
    """What one model did."""

    requests: int
    share: float = Field(ge=0, le=1)
    prompt_tokens: int
    answer_tokens: int


class Counts(Said):
    """What happened to requests in some time; what there is no figure for is null."""

    requests: int
    hits: int
    hit_rate: float | None = Field(ge=0, le=1)
    swaps: int
    swap_s: Spread
    waited_s: Spread
    models: dict[str, Used]
    routing: dict[str, int]
    errors: dict[str, int]
    left: int


class Stats(Counts):
    """The counts since the start, and in windows."""

    uptime_s: float
    queue: Object
    windows: dict[str, Counts]


class Live(Counts):
    """What the dashboard shows."""

    uptime_s: float
    queue: Object
    latest: Counts
    recent: list[Object]
    latest_swaps: list[Object]
    timeline: Object


class Comparing(Said):
    """How far a comparison has come."""

    may_ask: bool

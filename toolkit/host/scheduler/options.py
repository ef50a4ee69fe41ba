"""What a request asks of its runner: options of request, Modelfile, environment and defaults, in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolkit.host.scheduler.specs import ModelSpec

DEFAULT_NUM_BATCH = 512
EMBEDDING_NUM_BATCH = 2048
LEAST_NUM_CTX = 4
LEAST_VISION_NUM_CTX = 2048
AUTOMATIC_NUM_GPU = -1
INTEGER_OPTIONS = ("num_ctx", "num_batch", "num_gpu", "num_thread", "draft_num_predict", "main_gpu")


class OptionError(UsageError):
    """An option of the wrong type; the message is the server's own sentence (status 500)."""


class RunnerOptions(NamedTuple):
    """The options that are fixed when a process is started; any difference means a reload (see `reload`)."""

    num_ctx: int
    num_batch: int
    num_gpu: int
    main_gpu: int | None
    use_mmap: bool | None
    num_thread: int
    draft_num_predict: int


class Demand(NamedTuple):
    """Resolved options of a request and which of them nobody asked for. Immutable: share it between requests."""

    options: RunnerOptions
    num_ctx_auto: bool
    num_batch_auto: bool
    context_shift: bool


def resolve_demand(
    model: ModelSpec,
    options: Mapping[str, Any] | Iterable[tuple[str, Any]],
    default_num_ctx: int,
    *,
    num_ctx_from_environment: bool = False,
    embedding_batch: bool = True,
    shift: bool | None = None,
) -> Demand:
    """The demand of a request with these API options; unknown options are ignored, null keeps the default.

    `default_num_ctx` is the environment's context or the memory tier's; `num_ctx_from_environment` says which: an
    environment's context is not automatic. `embedding_batch`: whether embedding models get their own batch.
    `shift` is the request's own word on context shifting. Raises OptionError for a wrong type.
    """
    asked = dict(options)
    given = dict(model.options)
    values: dict[str, Any] = {
        "num_ctx": default_num_ctx,
        "num_batch": DEFAULT_NUM_BATCH,
        "num_gpu": AUTOMATIC_NUM_GPU,
        "main_gpu": None,
        "use_mmap": None,
        "num_thread": 0,
        "draft_num_predict": 0,
    }
    for layer in (given, asked):
        values.update((key, _typed(key, value)) for key, value in layer.items() if key in values and value is not None)
    # A null still counts as a word on the matter: the option is not automatic any more.
    named = given.keys() | asked.keys()
    own_batch = model.embedding and embedding_batch and "num_batch" not in named
    if own_batch:  # counted from the context before the minimum below is applied
        values["num_batch"] = (
            min(EMBEDDING_NUM_BATCH, values["num_ctx"]) if values["num_ctx"] > 0 else EMBEDDING_NUM_BATCH
        )
    values["num_ctx"] = max(values["num_ctx"], LEAST_VISION_NUM_CTX if model.vision else LEAST_NUM_CTX)
    return Demand(
        RunnerOptions(**values),
        num_ctx_auto="num_ctx" not in named and not num_ctx_from_environment,
        num_batch_auto="num_batch" not in named and not own_batch,
        context_shift=model.context_shift if shift is None else shift,
    )


def _typed(key: str, value: Any) -> Any:
    if key in INTEGER_OPTIONS:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise OptionError(f'option "{key}" must be of type integer')
        return int(value)
    if not isinstance(value, bool):
        raise OptionError(f'option "{key}" must be of type boolean')
    return value

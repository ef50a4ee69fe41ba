"""What differs between release lines in the HTTP face, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from toolkit.errors import UsageError


@dataclass(frozen=True, slots=True)
class ServerLine:
    """The behaviour of one release line."""

    name: str
    version: str
    jinja: bool = True
    """Chat templates inside model files are used where a model has no other."""
    show_normalises_name: bool = True
    """An unknown model is reported under its full short name, tag included."""
    rich_tags: bool = True
    """Tags list capabilities, context and embedding length."""
    embeds_only_embedders: bool = True
    """A completion model has no embeddings."""
    refuses_images: bool = True
    """An image for a model without eyes is an error instead of a word in the prompt."""
    context_step: int = 256
    """The runner's context is rounded up to a multiple of this."""
    shifts_by_half: bool = True
    """A prompt that is too long keeps its beginning and half of the rest; otherwise as much as fits."""
    flushes_at_limit: bool = False
    """Text held back for a stop sequence is sent when the token limit is reached."""
    least_eval_ns: int = 1000
    """What generation takes at least, and the grain of its counters."""
    native_errors: bool = True
    """Errors of the runner are passed on as its JSON."""
    role_on_first_chunk_only: bool = True
    finish_chunk: bool = True
    """`/v1/chat/completions` ends a stream with a chunk of its own."""
    wide_reasoning_efforts: bool = True
    rewrites_gguf: bool = True
    """Creating a model from a file writes the file anew."""
    engine_logs: bool = True
    """Sizes of loaded models are read from the engine's log."""
    survives_load_abort: bool = True
    """A model file that makes its loader abort ends one process, not the server."""


V032 = ServerLine("v0.32", "0.32.15")
V024 = replace(
    V032,
    name="v0.24",
    version="0.24.0",
    jinja=False,
    show_normalises_name=False,
    rich_tags=False,
    embeds_only_embedders=False,
    refuses_images=False,
    context_step=1,
    shifts_by_half=False,
    flushes_at_limit=True,
    least_eval_ns=0,
    native_errors=False,
    role_on_first_chunk_only=False,
    finish_chunk=False,
    wide_reasoning_efforts=False,
    rewrites_gguf=False,
    engine_logs=False,
    survives_load_abort=False,
)
LINES = (V032, V024)


def server_line(name: str) -> ServerLine:
    """The line of this name. Raises UsageError naming the ones there are."""
    for line in LINES:
        if line.name == name:
            return line
    raise UsageError(f"there is no profile {name!r}; the profiles are {', '.join(line.name for line in LINES)}")

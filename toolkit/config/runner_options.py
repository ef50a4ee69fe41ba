"""The options a request may carry, and their types, as the server checks them.

An option of the wrong type makes the server refuse every request (500), one that it does not know it ignores
silently. Source: Ollama's API documentation, `options` of `/api/generate` and parameters of a Modelfile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.config.section import wrong_key

if TYPE_CHECKING:
    from collections.abc import Mapping

OptionValue = bool | int | float | str | tuple[str, ...]

_KINDS: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "integer": ("a whole number", (int,)),
    "number": ("a number", (int, float)),
    "boolean": ("true or false", (bool,)),
    "texts": ("a list of texts", (tuple, list)),
}
_OPTIONS: Mapping[str, str] = {
    "num_ctx": "integer",
    "num_batch": "integer",
    "num_gpu": "integer",
    "main_gpu": "integer",
    "num_thread": "integer",
    "use_mmap": "boolean",
    "num_keep": "integer",
    "seed": "integer",
    "num_predict": "integer",
    "top_k": "integer",
    "repeat_last_n": "integer",
    "draft_num_predict": "integer",
    "top_p": "number",
    "min_p": "number",
    "typical_p": "number",
    "temperature": "number",
    "repeat_penalty": "number",
    "presence_penalty": "number",
    "frequency_penalty": "number",
    "stop": "texts",
}
KNOWN_OPTIONS = tuple(_OPTIONS)


def check_options(options: Mapping[str, OptionValue]) -> None:
    """Refuse what the server would refuse.

    Raises:
        PydanticCustomError: an option has the wrong type; the error names the option's key.
    """
    for name, value in options.items():
        if name not in _OPTIONS:
            continue
        allowed, types = _KINDS[_OPTIONS[name]]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise wrong_key(name, f"found {value!r}; allowed: {allowed}, or the server refuses every request")

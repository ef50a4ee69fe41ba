"""The server's environment: which variables there are, what they may hold, and what the server makes of the rest.

Ollama never refuses a variable: a name it does not know has no effect, and a value it cannot read gives the default.
Both are easily missed, so both are warnings here. Source: `ollama serve --help` and the server's envconfig.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from toolkit.config.durations import DurationError, parse_duration_ns
from toolkit.config.explain import nearest
from toolkit.config.section import own_words, wrong_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COUNT = "a whole number, at least 0"
_SWITCH = "1 or 0"
_TIME = "a duration like 30m, or whole seconds"
_TEXT = ""

_VARIABLES: Mapping[str, str] = {
    "OLLAMA_CONTEXT_LENGTH": _COUNT,
    "OLLAMA_DEBUG": _TEXT,
    "OLLAMA_FLASH_ATTENTION": _SWITCH,
    "OLLAMA_GPU_OVERHEAD": _COUNT,
    "OLLAMA_HOST": _TEXT,
    "OLLAMA_KEEP_ALIVE": _TIME,
    "OLLAMA_KV_CACHE_TYPE": "f16, q8_0 or q4_0",
    "OLLAMA_LLM_LIBRARY": _TEXT,
    "OLLAMA_LOAD_TIMEOUT": _TIME,
    "OLLAMA_MAX_LOADED_MODELS": _COUNT,
    "OLLAMA_MAX_QUEUE": _COUNT,
    "OLLAMA_MODELS": _TEXT,
    "OLLAMA_MULTIUSER_CACHE": _SWITCH,
    "OLLAMA_NEW_ENGINE": _SWITCH,
    "OLLAMA_NOHISTORY": _SWITCH,
    "OLLAMA_NOPRUNE": _SWITCH,
    "OLLAMA_NO_CLOUD": _SWITCH,
    "OLLAMA_NUM_PARALLEL": _COUNT,
    "OLLAMA_ORIGINS": _TEXT,
    "OLLAMA_REMOTES": _TEXT,
    "OLLAMA_SCHED_SPREAD": _SWITCH,
    "OLLAMA_VULKAN": _SWITCH,
}
_SWITCH_WORDS = frozenset({"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"})
_CACHE_TYPES = frozenset({"f16", "q8_0", "q4_0"})
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,100}")
_SECRET_NAME = re.compile(r"(?:^|_)(?:\w*KEY|\w*TOKEN|\w*SECRET|PASSWORD|PASSWD)(?:_|$)")
_SECRET_VALUE = re.compile(r"://[^/\s]*@")
_MOST_DIGITS = 20


def read_settings(data: Any) -> Any:
    """Variables as text; what is no mapping is left for the model to refuse.

    Raises:
        PydanticCustomError: a name that no environment has, a value that is not a single one, or a secret.
    """
    if not isinstance(data, dict):
        return data
    return {name: _text(name, value) for name, value in data.items()}


def settings_warnings(settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(name, sentence) for each variable that would not do what its writer expects."""
    for name, value in settings.items():
        if name.startswith("OLLAMA_") and name not in _VARIABLES:
            close = nearest(name, _VARIABLES)
            hint = f"; did you mean {close}?" if close else ""
            yield name, f"the server does not know this variable and ignores it{hint}"
        elif not _is_read(_VARIABLES.get(name, _TEXT), value.strip().strip("\"'")):
            yield name, f"found {value!r}; allowed: {_VARIABLES[name]}; the server would use its default instead"


def _text(name: str, value: Any) -> str:
    if not _NAME.fullmatch(name):
        raise wrong_key(name, "an environment variable's name is written in capitals, like OLLAMA_NUM_PARALLEL")
    if _SECRET_NAME.search(name):
        raise wrong_key(name, "this looks like a secret, and secrets do not stand in a config; take it out")
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise wrong_key(name, "the value of an environment variable is text or a number")
    if _SECRET_VALUE.search(value):
        raise own_words(f"the address in {name} holds a user or a password; take it out")
    return value


def _is_read(kind: str, text: str) -> bool:
    """Whether the server understands the value; an empty one counts as unset."""
    if not text or kind == _TEXT:
        return True
    if kind == _COUNT:
        return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    if kind == _SWITCH:
        return text in _SWITCH_WORDS
    if kind == _TIME:
        try:
            parse_duration_ns(text)
        except DurationError:
            return re.fullmatch(r"[+-]?[0-9]{1,19}", text) is not None
        return True
    return text in _CACHE_TYPES

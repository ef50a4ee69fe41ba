"""The keep_alive of requests and of the environment, as the scheduler uses it: the toolkit has one reader."""

from __future__ import annotations

from toolkit.ollama.keep_alive import SERVER_FOREVER_NS as FOREVER_NS
from toolkit.ollama.keep_alive import KeepAliveError, parse_environment_duration, parse_keep_alive

__all__ = ["FOREVER_NS", "KeepAliveError", "parse_environment_duration", "parse_keep_alive"]

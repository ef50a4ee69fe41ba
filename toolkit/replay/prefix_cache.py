"""Which prompts came out of the server's prefix cache, told from its counters alone. Pure.

`prompt_eval_count` counts all tokens of a prompt, `prompt_eval_duration` only the processing of those that were not in
the cache. A cached prompt therefore seems to be read at an impossible speed. The rule:

- The first request after a load cannot have hit the cache. Its speed is a *known* speed for prompts of its length.
- A prompt whose speed is more than 3 times the best known speed (of prompts at least half as long, because short ones
  are slow by their fixed cost) was cached. Otherwise it was not, and its speed is known from now on, too.
- Prompts of fewer than 32 tokens, and those before any known speed, are not judged.

A cache hit on less than two thirds of a prompt is not seen; a hit that is seen is one.
"""

from __future__ import annotations

MIN_TOKENS = 32
TOO_FAST = 3.0


class PrefillSpeeds:
    """What is known of one model's speed; feed it every answer in order."""

    def __init__(self) -> None:
        self._best: dict[int, float] = {}  # power of two of the prompt's tokens → tokens a nanosecond

    def is_cached(self, prompt_tokens: int | None, prefill_ns: int | None, *, after_load: bool) -> bool | None:
        """Whether part of the prompt was in the cache; None if that cannot be told."""
        if prompt_tokens is None or prompt_tokens < MIN_TOKENS:
            return None
        # The server leaves a zero out: a prompt that took no time at all was wholly in the cache.
        speed = prompt_tokens / max(prefill_ns or 1, 1)
        size = prompt_tokens.bit_length()
        if after_load:
            self._best[size] = max(speed, self._best.get(size, 0.0))
            return False
        known = max((best for other, best in self._best.items() if other >= size - 1), default=None)
        if known is None:
            return None
        if speed > TOO_FAST * known:
            return True
        self._best[size] = max(speed, self._best.get(size, 0.0))
        return False

"""How long a prompt may be: the model's effective context less the room for the answer. Pure."""

from __future__ import annotations

LEAST_CONTEXT = 4096
"""What a server takes by itself on the smallest hosts; taken where nothing is known."""
_MOST_OF_ANSWER = 0.5


def effective_context(
    *, asked: int | None = None, running: int | None = None, configured: int | None = None, trained: int | None = None
) -> int:
    """The context that the request will really have, in tokens.

    `asked` is what the request will carry as `num_ctx` (its own option, or the config's for the model); the server has
    to follow. Else `running`, what `/api/ps` says of the loaded model, else `configured`, what is known of the host's
    default (OLLAMA_CONTEXT_LENGTH), else the least that any host takes. Never more than the model was `trained` for.
    """
    context = next((each for each in (asked, running, configured) if each is not None), LEAST_CONTEXT)
    return context if trained is None else min(context, trained)


def answer_room(context_tokens: int, wanted_tokens: int, num_predict: int | None) -> int:
    """What stays free for the answer: as much as it may become, at most half of the context.

    `num_predict` of 0 or less means no limit to the server, so it says nothing.
    """
    wanted = num_predict if num_predict is not None and num_predict > 0 else wanted_tokens
    return min(wanted, int(context_tokens * _MOST_OF_ANSWER))

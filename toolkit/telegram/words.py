"""What the bot says of itself. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AUTO: Final = "auto"
HELP: Final = """\
Write, and the model that suits your message answers; it knows what was said in this chat.
/model – which models there are; /model NAME – always that one; /model auto – the one that suits
/reset – begin a new conversation
/stats – what the gateway does"""
FRESH: Final = "A new conversation; nothing of the earlier one is given to the models any more."
NOTHING: Final = "(the model's answer is empty)"


def models_text(chosen: str, names: Sequence[str]) -> str:
    """The answer to `/model`."""
    rows = [AUTO, *names]
    return "\n".join(f"{'→' if name == chosen else '–'} {name}" for name in rows)


def chosen_text(name: str, names: Sequence[str]) -> str | None:
    """The answer to `/model NAME`, None if there is no such model."""
    if name == AUTO:
        return "The model that suits each message answers."
    return f"{name} answers from now on." if name in names else None


def stats_text(stats: Mapping[str, Any]) -> str:
    """The answer to `/stats`."""
    swap, queue = stats.get("swap_s") or {}, stats.get("queue") or {}
    hosts = (queue.get("hosts") or {}).items()
    lines = [
        f"Requests: {stats.get('requests', 0)}, waiting: {queue.get('waiting', 0)}",
        f"Hit rate: {_percent(stats.get('hit_rate'))}",
        f"Swaps: {stats.get('swaps', 0)}, mean {_seconds(swap.get('mean'))}, p95 {_seconds(swap.get('p95'))}",
        *(f"In memory on {name}: {_names(host)}" for name, host in hosts),
    ]
    return "\n".join(lines)


def _names(host: Mapping[str, Any]) -> str:
    return ", ".join(str(row["model"]) for row in host.get("in_memory") or ()) or "nothing"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"

"""Plans, results and states as text for people and as JSON values. Pure. Sizes in JSON are bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.ops.provision.plan import SHOWN_DIGITS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.ops.provision.apply import Applied, Result
    from toolkit.ops.provision.plan import Action, Disk, Plan
    from toolkit.ops.provision.state import ModelState

_SIGNS = {Kind.PULL: "+", Kind.CREATE: "+", Kind.UPDATE: "~", Kind.KEEP: "=", Kind.REMOVE: "-"}
_WORDS = {Kind.REMOVE: "prunable"}
_GIB = 1 << 30


def size_text(size_bytes: int | None) -> str:
    """As model listings write sizes: powers of 1000."""
    if size_bytes is None:
        return "unknown"
    for unit_bytes, name in ((10**9, "GB"), (10**6, "MB")):
        if size_bytes >= unit_bytes:
            return f"{size_bytes / unit_bytes:.1f} {name}"
    return f"{size_bytes / 1000:.1f} kB"


def plan_text(plan: Plan, place: str) -> str:
    """The plan, a line a model, then what it needs."""
    rows = [
        (_SIGNS[action.kind], _WORDS.get(action.kind, action.kind.value), action.name, _size(action), action.reason)
        for action in plan.actions
    ]
    return "\n".join([f"{place}:", *_aligned(rows), "", *_needs(plan)])


def _size(action: Action) -> str:
    if action.base is not None and action.kind is not Kind.KEEP:
        return "nothing to fetch"
    return f"{'about ' if action.estimated else ''}{size_text(action.size_bytes)}"


def _needs(plan: Plan) -> Iterable[str]:
    count = len(plan.changes)
    yield f"{count} change{'s' * (count != 1)}, {len(plan.prunable)} prunable" if count else "nothing to do"
    if not any(action.fetches for action in plan.actions):
        return
    unknown = ", ".join(plan.of_unknown_size)
    known = f"about {size_text(plan.needed_bytes)}" if plan.needed_bytes else ""
    more = f"what only the registry knows: {unknown}" if unknown else ""
    yield f"disk needed: {', and '.join(part for part in (known, more) if part)}; free: {_free(plan.disk)}"
    if plan.lacking_bytes:
        yield f"NOT ENOUGH: {size_text(plan.lacking_bytes)} are lacking, so `apply` would refuse"


def _free(disk: Disk) -> str:
    if disk.free_bytes is None:
        return "unknown (Ollama's API does not tell; state host.disk in the config)"
    return f"{'at most ' if disk.at_most else ''}{size_text(disk.free_bytes)}, as the config says"


def plan_json(plan: Plan, place: str) -> dict[str, Any]:
    """The plan for machines."""
    return {
        "host": place,
        "actions": [
            {
                "action": action.kind.value,
                "name": action.name,
                "reason": action.reason,
                "base": action.base,
                "size_bytes": action.size_bytes,
                "size_is_estimate": action.estimated,
            }
            for action in plan.actions
        ],
        "changes": len(plan.changes),
        "disk": {
            "needed_bytes": plan.needed_bytes,
            "unknown": list(plan.of_unknown_size),
            "free_bytes": plan.disk.free_bytes,
            "free_is_at_most": plan.disk.at_most,
            "lacking_bytes": plan.lacking_bytes,
        },
    }


def applied_text(applied: Applied, place: str) -> str:
    """What was done and what is left."""
    lines = [_result_line(result) for result in applied.results]
    if applied.converged:
        return "\n".join([*lines, f"{place} has all that the config wants" + ("" if lines else "; nothing was done")])
    left = ", ".join(action.name for action in applied.left.changes)
    missing = f": {left} {'is' if len(applied.left.changes) == 1 else 'are'} left" if left else ""
    hopeless = [result.name for result in applied.results if result.will_fail_again]
    if not hopeless:
        rest = "apply again goes on from here"
    elif all(result.will_fail_again for result in applied.results if result.problem is not None):
        rest = f"applying again will fail in the same way: first mend {', '.join(hopeless)} in the config"
    else:
        rest = f"apply again goes on with the rest; {', '.join(hopeless)} will fail again until the config is mended"
    return "\n".join([*lines, f"{place} is not as wanted yet{missing}; {rest}"])


def _result_line(result: Result) -> str:
    if result.problem is not None:
        return f"! {result.kind.value:<7} FAILED: {result.problem}"
    fetched = f", {size_text(result.fetched_bytes)} fetched" if result.fetched_bytes else ""
    tries = f", {result.tries} tries" if result.tries > 1 else ""
    return f"{_SIGNS[result.kind]} {result.kind.value:<7} {result.name} done{fetched}{tries}"


def applied_json(applied: Applied, place: str) -> dict[str, Any]:
    """The outcome for machines."""
    return {
        "host": place,
        "converged": applied.converged,
        "results": [
            {
                "action": result.kind.value,
                "name": result.name,
                "ok": result.problem is None,
                "problem": result.problem,
                "tries": result.tries,
                "fetched_bytes": result.fetched_bytes,
            }
            for result in applied.results
        ],
        "left": plan_json(applied.left, place)["actions"],
    }


def state_text(states: Sequence[ModelState], place: str) -> str:
    """A line a model: on disk, in memory, until when."""
    rows = [
        (
            state.name,
            "declared" if state.declared else "not declared",
            f"{size_text(state.size_bytes)} on disk" if state.installed else "NOT INSTALLED",
            state.digest[:SHOWN_DIGITS],
            _memory(state),
            state.problem or "",
        )
        for state in states
    ]
    return "\n".join([f"{place}:", *_aligned(rows)])


def _memory(state: ModelState) -> str:
    if not state.loaded:
        return "pinned by the config, but not loaded" if state.pin else "not loaded"
    where = f"{(state.vram_bytes or 0) / _GIB:.1f} of {(state.memory_bytes or 0) / _GIB:.1f} GiB on GPU"
    until = "for ever" if state.forever else "for a time" + (", though the config pins it" if state.pin else "")
    return f"loaded {until}, {where}, context {state.context_length or 'unknown'}"


def state_json(states: Sequence[ModelState], place: str) -> dict[str, Any]:
    """The state for machines."""
    return {"host": place, "models": [{name: getattr(state, name) for name in state.__slots__} for state in states]}


def _aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Columns as wide as they must be; the last is not padded."""
    kept = list(rows)
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in kept)
    return [f"  {line.rstrip()}" for line in lines]

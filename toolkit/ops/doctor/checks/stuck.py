"""Does an eviction hang? What `/api/ps` shows of it, and what asking for a model shows."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from toolkit.ops.doctor.check import Check, Finding, fail, ok, skipped, warn
from toolkit.ops.doctor.wording import NS_PER_S, listed, looked, span

if TYPE_CHECKING:
    from toolkit.ops.doctor.evidence import Evidence, Look, Probe

MARKED_WITHIN_NS: Final = 1 * NS_PER_S
"""`expires_at` this near to now: the mark of an eviction, if it stays there."""
OVERDUE_NS: Final = 30 * NS_PER_S
"""`expires_at` passed so long ago: busy with a very long answer, or stuck."""
_CURL: Final = 'curl {url}/api/generate -d \'{{"model": "{model}", "keep_alive": 0}}\''


class StuckEviction(Check):
    """No eviction hangs."""

    id = "stuck-eviction"
    title = "Stuck eviction"
    why = (
        "A request with keep_alive for the chosen victim undoes its eviction: the load behind it, and every later one, "
        "waits until that keep_alive is over, with /api/ps all green."
    )

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`. A victim that was never idle shows `expires_at` = now; one that was shows nothing at all."""
        for name in sorted({row.name for look in evidence.looks for row in look.rows or ()}):
            found = self._marked(evidence, name)
            if found is not None:
                return found
        overdue = _overdue(evidence)
        if overdue:
            return warn(
                f"{listed(overdue)} should have gone {span(OVERDUE_NS)} ago or earlier: very busy, or stuck",
                _unloads(evidence, overdue),
            )
        if evidence.probe is not None:
            return self._probed(evidence, evidence.probe)
        if not evidence.last_rows:
            return ok("no model is loaded, so none is being evicted")
        return skipped(
            f"no sign in {looked(evidence.looks)}, but it can hide there", "hotswap doctor --probe asks for a model"
        )

    def _marked(self, evidence: Evidence, name: str) -> Finding | None:
        """A mark that stays, or one that was taken back."""
        looks = [look for look in evidence.looks if look.row(name) is not None]
        since_ns: int | None = None
        for before, after in pairwise(looks):
            left_ns = _left_ns(evidence, after, name)
            if _is_mark(evidence, before, after, name):
                since_ns = before.at_ns if since_ns is None else since_ns
            elif since_ns is not None and left_ns is not None and left_ns > MARKED_WITHIN_NS:
                found = f"{name} was to be evicted, and then got {span(left_ns)} more: what waits for its room waits on"
                return fail(found, _unloads(evidence, [name]))
            else:
                since_ns = None
        if since_ns is None or looks[-1].at_ns - since_ns <= MARKED_WITHIN_NS:
            return None
        found = f"{name} is to be evicted and has been busy for {span(looks[-1].at_ns - since_ns)}; a load waits for it"
        return warn(found, f"wait for its answer to end; a keep_alive sent to {name} now would undo the eviction")

    def _probed(self, evidence: Evidence, probe: Probe) -> Finding:
        if probe.load_ns is not None:
            return ok(f"{probe.model} was asked for and came after {span(probe.load_ns)}")
        if probe.problem is not None:
            return skipped(f"{probe.model} could not be asked for: {probe.problem}")
        stayed = sorted({row.name for look in probe.looks for row in look.rows or ()})
        waited = f"{probe.model} was asked for and did not come in {span(probe.limit_ns)}"
        if not stayed:
            return warn(f"{waited}, with nothing else loaded: a very slow load", "journalctl -u ollama -n 50")
        left = "; ".join(f"{name} ({_shown_left(evidence, probe.looks[-1], name)})" for name in stayed)
        return fail(f"{waited}, and nobody left memory for it: {left}", _unloads(evidence, stayed))


def _is_mark(evidence: Evidence, before: Look, after: Look, name: str) -> bool:
    """Whether `expires_at` was now at both looks, and so went on with the clock: an ordinary expiry stands still."""
    left = (_left_ns(evidence, before, name), _left_ns(evidence, after, name))
    if any(one is None or abs(one) > MARKED_WITHIN_NS for one in left):
        return False
    was, now = before.row(name), after.row(name)
    if was is None or now is None or was.expires_at_ns is None or now.expires_at_ns is None:
        return False
    return now.expires_at_ns - was.expires_at_ns > (after.wall_ns - before.wall_ns) // 2


def _left_ns(evidence: Evidence, look: Look, name: str) -> int | None:
    """Until `expires_at`, by the server's clock."""
    row = look.row(name)
    if row is None or row.expires_at_ns is None:
        return None
    offset = evidence.clock.offset_ns if evidence.clock is not None else 0
    # The date has whole seconds: a smaller offset is none.
    offset = 0 if evidence.clock is None or abs(offset) <= evidence.clock.uncertainty_ns else offset
    return row.expires_at_ns - look.wall_ns - offset


def _shown_left(evidence: Evidence, look: Look, name: str) -> str:
    left = _left_ns(evidence, look, name)
    return "never idle yet" if left is None else f"expires in {span(left)}"


def _overdue(evidence: Evidence) -> list[str]:
    answered = [look for look in evidence.looks if look.rows is not None]
    if not answered:
        return []
    last = answered[-1]
    return [row.name for row in last.rows or () if (_left_ns(evidence, last, row.name) or 0) < -OVERDUE_NS]


def _unloads(evidence: Evidence, names: list[str]) -> str:
    return "; ".join(_CURL.format(url=evidence.reach.url, model=name) for name in names)

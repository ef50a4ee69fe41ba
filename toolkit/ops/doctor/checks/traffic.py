"""What a few looks at `/api/ps`, the clock, and a probe if one was allowed, tell of the host at work."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from toolkit.ops.doctor.check import Check, Finding, fail, ok, skipped, warn
from toolkit.ops.doctor.wording import NS_PER_S, gib, listed, looked, span

if TYPE_CHECKING:
    from toolkit.ops.doctor.evidence import Evidence, Probe

SLOW_LOOK_NS: Final = 1 * NS_PER_S
"""`/api/ps` answers in milliseconds; so long it only waits for a lock of the scheduler."""
SLOW_ANSWER_NS: Final = 10 * NS_PER_S
"""One token of a model that is in memory."""
MOST_SKEW_NS: Final = 2 * NS_PER_S
SLOW_READ_BYTES_PER_S: Final = 500 * 10**6
"""A SATA disk; NVMe and the page cache give several times as much."""
SMALL_FILE_BYTES: Final = 200 * 10**6
"""Loads of smaller files are bounded by the server's 250 ms poll, not by the disk."""
MUCH_SLOWER: Final = 2.0
RESTART: Final = "journalctl -u ollama -n 100; a runner that hangs ends with: systemctl restart ollama"


class HiddenReloads(Check):
    """No two clients make one model swap with itself."""

    id = "hidden-reloads"
    title = "Hidden reloads"
    why = "Any difference in num_ctx (num_batch, num_gpu …) reloads a model: two clients make it swap with itself."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`. Seen in the looks, in a loaded context that is not the config's, or in the config itself."""
        command = evidence.wishes.set_command("OLLAMA_CONTEXT_LENGTH", _usual_context(evidence))
        fix = f"leave num_ctx out of requests, and: {command}"
        contexts: dict[str, list[int]] = {}
        for look in evidence.looks:
            for row in look.rows or ():
                seen = contexts.setdefault(row.name, [])
                if row.context_length and (not seen or seen[-1] != row.context_length):
                    seen.append(row.context_length)
        changing = [f"{name}: {' → '.join(map(str, seen))}" for name, seen in contexts.items() if len(seen) > 1]
        if changing:
            return warn(f"num_ctx changed while we looked: {'; '.join(changing)}", fix)
        foreign = []
        for wish in evidence.wishes.models:
            last = contexts.get(wish.name, [])[-1:]
            wanted = wish.number("num_ctx")
            if last and wanted is not None and last[0] != _clamped(evidence, wish.name, wanted):
                foreign.append(f"{wish.name} is loaded with {last[0]}, the config asks for {wanted}")
        if foreign:
            return warn(f"another client uses another num_ctx: {'; '.join(foreign)}", fix)
        twice = _two_wishes(evidence)
        if twice:
            return warn(f"the config itself asks for two contexts of {listed(twice)}", fix)
        back = _away_and_back(evidence)
        if back:
            found = f"{listed(back)} left memory and came back with nobody in their place, in {looked(evidence.looks)}"
            return warn(f"{found}: other options than before, or a keep_alive of 0", fix)
        return ok(f"no context changed in {looked(evidence.looks)}")


def _usual_context(evidence: Evidence) -> int:
    """What the config asks for most, else what is loaded."""
    asked = [context for wish in evidence.wishes.models if (context := wish.number("num_ctx")) is not None]
    asked = asked or [row.context_length for row in evidence.last_rows if row.context_length is not None]
    return max(asked, key=asked.count, default=4096)


def _clamped(evidence: Evidence, name: str, num_ctx: int) -> int:
    """The server never gives more than the trained context."""
    shown = evidence.of_shown(name)
    trained = shown.spec.trained_context if shown is not None and shown.spec is not None else 0
    return min(num_ctx, trained) if trained else num_ctx


def _two_wishes(evidence: Evidence) -> list[str]:
    contexts: dict[str, set[int | None]] = {}
    for wish in evidence.wishes.models:
        contexts.setdefault(wish.name, set()).add(wish.number("num_ctx"))
    return [name for name, asked in contexts.items() if len(asked) > 1]


def _away_and_back(evidence: Evidence) -> list[str]:
    """Models that were there, were gone, and were there again, while no other model came."""
    states = [frozenset(row.name for row in look.rows) for look in evidence.looks if look.rows is not None]
    names = sorted(frozenset[str]().union(*states))
    return [name for name in names if _came_back(name, states)]


def _came_back(name: str, states: list[frozenset[str]]) -> bool:
    others: frozenset[str] | None = None
    for before, after in pairwise(states):
        if name in before and name not in after:
            others = before
        if others is not None and not after <= others:
            others = None
        if others is not None and name not in before and name in after:
            return True
    return False


class Stall(Check):
    """What is green answers."""

    id = "stall"
    title = "Green but silent"
    why = "Monitors watch /api/ps and /api/tags; both can be green while no request is answered."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        looks = evidence.looks
        silent = [look for look in looks if look.rows is None]
        if silent:
            return fail(f"/api/ps did not answer in {len(silent)} of {len(looks)} looks: {silent[-1].problem}", RESTART)
        slowest_ns = max((look.took_ns for look in looks), default=0)
        if slowest_ns > SLOW_LOOK_NS:
            both = f"/api/ps took {span(slowest_ns)}, /api/version {span(evidence.reach.took_ns)}"
            return warn(f"{both}: the scheduler's lock is held", RESTART)
        if evidence.probe is None:
            return ok(f"/api/ps took at most {span(slowest_ns)}; whether models answer, only --probe can tell")
        return self._probed(evidence.probe)

    def _probed(self, probe: Probe) -> Finding:
        if probe.load_ns is None:
            return skipped(f"{probe.model} did not load, see stuck-eviction")
        if probe.answer_ns is None:
            what = probe.problem or f"one token of it did not come in {span(probe.limit_ns)}"
            return fail(f"{probe.model} is loaded, but {what}", RESTART)
        if probe.answer_ns > SLOW_ANSWER_NS:
            return warn(f"{probe.model} is loaded, and one token of it took {span(probe.answer_ns)}", RESTART)
        return ok(f"one token of {probe.model} took {span(probe.answer_ns)}")


class ClockSkew(Check):
    """Host and client agree on the time."""

    id = "clock-skew"
    title = "Clock"
    why = "expires_at and created_at are the host's time; with another clock all that counts down to them is wrong."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        clock = evidence.clock
        if clock is None:
            return skipped("answers carry no Date header")
        if abs(clock.offset_ns) <= MOST_SKEW_NS + clock.uncertainty_ns:
            return ok(f"within {span(MOST_SKEW_NS + clock.uncertainty_ns)} of ours")
        side = "ahead of" if clock.offset_ns > 0 else "behind"
        return warn(
            f"the host is {span(abs(clock.offset_ns))} {side} this machine",
            "on the one that is wrong: timedatectl set-ntp true",
        )


class ColdLoads(Check):
    """Models come out of the page cache, or from a quick disk."""

    id = "cold-loads"
    title = "Cold loads"
    why = "A model that must be read from the disk first loads several times as slowly as one in the page cache."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        rates = [(sample.model, sample.size_bytes, sample.load_ns) for sample in evidence.samples]
        probe = evidence.probe
        if probe is not None and probe.load_ns is not None:
            rates.append((probe.model, probe.size_bytes, probe.load_ns))
        large = [(model, size, load) for model, size, load in rates if size >= SMALL_FILE_BYTES and load > 0]
        if not large:
            return skipped(
                "no load of a large model was seen",
                "hotswap doctor --probe, or --swaps swap_matrix.csv of hotswap swap",
            )
        fix = "read the file before it is needed (cat .../models/blobs/sha256-… > /dev/null), more RAM, or NVMe"
        spread = _spread(large)
        if spread is not None:
            return warn(spread, fix)
        model, size, load = min(large, key=lambda one: one[1] / one[2])
        rate = size * NS_PER_S / load
        found = f"{model}: {gib(size)} in {span(load)}, {rate / 1e9:.2f} GB/s"
        if rate < SLOW_READ_BYTES_PER_S:
            return warn(found, fix)
        return ok(f"slowest of {len(large)}: {found}")


def _spread(loads: list[tuple[str, int, int]]) -> str | None:
    """A model that loads quickly at one time and slowly at another: out of the page cache, and from the disk."""
    by_model: dict[str, list[int]] = {}
    for model, _, load in loads:
        by_model.setdefault(model, []).append(load)
    for model, times in sorted(by_model.items()):
        if max(times) > MUCH_SLOWER * min(times):
            return f"{model} loads in {span(min(times))} out of the page cache and in {span(max(times))} from the disk"
    return None

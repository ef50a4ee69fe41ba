"""Gathers the evidence: a handful of GETs, `/api/show` of the config's models, some looks at `/api/ps`.

Nothing that is asked here loads, unloads or reloads a model; the probe (see `probe`) does, and only if it is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from toolkit.errors import HostError
from toolkit.ollama.errors import ProtocolError, RedirectError
from toolkit.ops.doctor.evidence import ClockReading, Evidence, OriginAnswer, Reach
from toolkit.ops.doctor.looking import look_for
from toolkit.ops.doctor.probe import run_probe
from toolkit.ops.doctor.shown import is_emptied, shown_of

if TYPE_CHECKING:
    from toolkit.host.clock import Clock
    from toolkit.ollama.types import InstalledModel
    from toolkit.ops.doctor.asking import Access, Asking, Page
    from toolkit.ops.doctor.evidence import LoadSample, Shown, Wishes

NS_PER_S: Final = 1_000_000_000
FOREIGN_ORIGIN: Final = "http://hotswap-doctor.invalid"
"""A web page's origin that nobody can have allowed by name: `.invalid` is reserved (RFC 2606)."""
_DATE_STEP_NS: Final = NS_PER_S


@dataclass(frozen=True, slots=True)
class Round:
    """How thoroughly to look: how long to watch `/api/ps`, and for how long to wait for a probe (None: no probe)."""

    watch_ns: int = 3 * NS_PER_S
    probe_ns: int | None = None
    samples: tuple[LoadSample, ...] = ()


async def collect(asking: Asking, wishes: Wishes, round_: Round, clock: Clock) -> Evidence:
    """Everything that can be learned; what cannot is left None. Never raises for what a host does."""
    access = asking.access
    reach = Reach(access.address.url, access.host, credentials=access.has_credentials)
    try:
        version = await asking.client.version()
    except HostError as error:
        return Evidence(
            wishes,
            replace(reach, problem=str(error), is_other=isinstance(error, ProtocolError | RedirectError)),
            samples=round_.samples,
        )
    page = await asking.page("/api/version", {})
    reach = replace(reach, took_ns=page.took_ns if page else 0, open_without=await _open_without(asking, access))
    installed = await _installed(asking)
    evidence = Evidence(
        wishes,
        reach,
        version=version,
        installed=installed,
        shown=await _shown(asking, wishes, installed or ()),
        clock=_clock(page),
        origin=await _origin(asking),
        looks=await look_for(asking, clock, round_.watch_ns),
        samples=round_.samples,
    )
    if round_.probe_ns is None:
        return evidence
    return replace(evidence, probe=await run_probe(asking, evidence, round_.probe_ns, clock))


async def _open_without(asking: Asking, access: Access) -> bool | None:
    """Whether the same page comes without the key; None where no key is sent anyway."""
    if not access.has_credentials:
        return None
    page = await asking.page("/api/version", {}, with_key=False)
    return None if page is None else page.status in range(200, 300)


def _clock(page: Page | None) -> ClockReading | None:
    if page is None or page.date_ns is None:
        return None
    # The date is cut to whole seconds, and was made at some time during the exchange.
    middle_ns = page.date_ns + _DATE_STEP_NS // 2 - (page.sent_wall_ns + page.took_ns // 2)
    return ClockReading(middle_ns, (_DATE_STEP_NS + page.took_ns) // 2)


async def _origin(asking: Asking) -> OriginAnswer | None:
    page = await asking.page("/api/version", {"origin": FOREIGN_ORIGIN})
    return None if page is None else OriginAnswer(page.status, page.headers.get("access-control-allow-origin"))


async def _installed(asking: Asking) -> tuple[InstalledModel, ...] | None:
    try:
        return await asking.client.tags()
    except HostError:
        return None


async def _shown(asking: Asking, wishes: Wishes, installed: tuple[InstalledModel, ...]) -> tuple[Shown, ...]:
    """The config's models, as far as they are there."""
    sizes = {model.name: model.size_bytes for model in installed}
    found = []
    for name in dict.fromkeys(wish.name for wish in wishes.models):
        size = sizes.get(name) or sizes.get(f"{name}:latest")
        try:
            info = await asking.client.show(name)
            if is_emptied(info):  # megabytes of token lists come along, so it is asked only where it must be
                info = await asking.client.show(name, in_full=True)
        except HostError:
            continue
        found.append(shown_of(name, info, size))
    return tuple(found)

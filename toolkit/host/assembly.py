"""Puts a twin together: installed models, voices, a simulated host, and the HTTP application in front of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from toolkit.config.twin import TwinSection
from toolkit.host.app.application import Application, build_app
from toolkit.host.app.guard import Guard
from toolkit.host.app.line import server_line
from toolkit.host.app.services import Services
from toolkit.host.figures import Figures
from toolkit.host.from_config import twin_from_config
from toolkit.host.library.catalog import Catalog
from toolkit.host.library.configured import store_of
from toolkit.host.library.names import DEFAULT_HOST
from toolkit.host.library.recorded import RecordedWorld, load_world
from toolkit.host.library.registry import Offer, Registries, Registry
from toolkit.host.machine import HostHardware
from toolkit.host.realtime import HostParts, RealtimeHost
from toolkit.host.speech.speakers import Speech, named_voice
from toolkit.host.timing import HostSpeeds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from toolkit.host.clock import Clock
    from toolkit.host.library.store import Store
    from toolkit.host.scheduler import Observer

RECORDED_ADDRESS = "127.0.0.1:11434"
"""Where the recorded server listened: its own origin."""
RECORDED_PROXY = "127.0.0.1:9"
"""The proxy that kept the recorded server off the network; nothing listens there."""
RECORDED_HARDWARE = HostHardware((), 16 << 30, 14 << 30)
"""The recorded server ran on a small host without a GPU."""
RECORDED_SPEEDS = HostSpeeds(
    disk_bytes_per_s=0.9e9,
    page_cache_bytes_per_s=1.5e9,
    ram_bytes_per_s=9e9,
    bus_bytes_per_s=9e9,
    device_bytes_per_s=9e9,
)
DOWNLOAD_BYTES_PER_S = 100e6
"""How fast models come from the twin's registry."""


@dataclass(frozen=True, slots=True)
class TwinOptions:
    """What a twin is made from. With `models_file` the models are recorded ones, otherwise those of the section."""

    section: TwinSection = field(default_factory=TwinSection)
    profile: str | None = None
    """None: the section's."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of the server; they come before the section's."""
    models_file: Path | None = None
    recorded_hardware: bool = True
    """With recorded models: the small host that they were recorded on, and not that of the section."""
    time_scale: float = 1.0
    voice: str = "prose"
    seed: int = 0
    bind: str = "127.0.0.1"


@dataclass(slots=True)
class Twin:
    """A twin in working order."""

    app: Application
    host: RealtimeHost
    services: Services


def assemble(options: TwinOptions, clock: Clock, *, inspector: Any = None, observer: Observer | None = None) -> Twin:
    """Make a twin.

    Raises:
        UsageError: an unknown profile or voice.
        InputError: the file with models cannot be read.
    """
    section = options.section
    profile = options.profile or section.profile
    environment = {**section.env, **options.environment}
    line = server_line(profile)
    if section.version_given is not None:
        line = replace(line, version=section.version_given)
    speech = Speech(named_voice(options.voice, options.seed))
    world = load_world(options.models_file, clock.wall_ns()) if options.models_file is not None else None
    if world is not None:
        speech.speakers.update(world.speakers)
    store = world.store if world is not None else store_of(section.models, clock.wall_ns())
    parts = _parts(options, environment, profile, world)
    parts.broken, parts.engine_logs = speech.broken, line.engine_logs
    host = RealtimeHost(parts, clock, time_scale=options.time_scale, observer=observer)
    registries = _registries(environment, store, recorded=world is not None)
    services = Services(host, Catalog(store, line.jinja), registries, speech, line, clock)
    own_origins = (f"http://{RECORDED_ADDRESS}",) if world is not None else ()
    guard = Guard.from_environment(environment, options.bind, own_origins=own_origins)
    return Twin(build_app(services, guard, time_scale=options.time_scale, inspector=inspector), host, services)


def _parts(
    options: TwinOptions, environment: Mapping[str, str], profile: str, world: RecordedWorld | None
) -> HostParts:
    if world is not None and options.recorded_hardware:
        figures = Figures(RECORDED_SPEEDS)
        return HostParts(RECORDED_HARDWARE, figures, environment, profile, seed=options.seed)
    spec = twin_from_config(options.section.model_copy(update={"env": environment}))
    figures = Figures(spec.speeds, {model.spec.digest: model for model in spec.models})
    return HostParts(
        spec.hardware,
        figures,
        environment,
        profile,
        jitter_sigma=spec.jitter_sigma,
        process_overhead_bytes=spec.process_overhead_bytes,
        seed=options.seed,
    )


def _registries(environment: Mapping[str, str], store: Store, *, recorded: bool) -> Registries:
    """The public registry offers what is installed at the start, so that it can be deleted and pulled again."""
    if recorded:
        environment = {"HTTPS_PROXY": RECORDED_PROXY, **environment}
    registries = Registries.from_environment(environment)
    offers = {}
    for name in store.names():
        manifest = store.find(name)
        if manifest is not None:
            blobs = {digest: store.blobs[digest] for digest in manifest.digests() if digest in store.blobs}
            offers[name.namespace, name.model, name.tag] = Offer(manifest, blobs)
    registries.hosts[DEFAULT_HOST] = Registry(offers, DOWNLOAD_BYTES_PER_S)
    return registries

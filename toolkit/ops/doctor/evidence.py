"""What is known of a host when the checks begin: frozen records, gathered by `collect`, judged by `checks`.

A field is None where nothing could be learned; absent is never zero. Times are nanoseconds, sizes bytes.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from toolkit.config.scalars import canonical_model_name
from toolkit.host.scheduler.profile import V024, V032
from toolkit.host.scheduler.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.config.runner_options import OptionValue
    from toolkit.fit.gpus import Gpu
    from toolkit.fit.spec import Spec
    from toolkit.host.scheduler.profile import Profile
    from toolkit.ollama.types import InstalledModel, RunningModel, Version

NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})
OWN_ENGINE_ENDS: Final = (0, 30, 0)
"""Before this version Ollama ran its own engine (profile v0.24), from it on `llama-server` (v0.32)."""


@dataclass(frozen=True, slots=True)
class ModelWish:
    """A model that the config names. `digest` is what it is pinned to (hex), `pinned` whether it is kept loaded."""

    name: str
    digest: str | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    pinned: bool = False

    def number(self, option: str) -> int | None:
        """An option that is a whole number; None if the config does not give it."""
        value = self.options.get(option)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the config says of models and host.

    `base_url` is as written, `asked_url` what the user named instead, if anything. Requests go to `models`; `others`
    should only be there. `gpus` is None where the config does not describe the host, empty for a CPU host. `settings`
    are the server's variables as far as the config knows them. `embedded`: there is no config file; `file` is what
    commands call it, quoted for a shell.
    """

    base_url: str
    models: tuple[ModelWish, ...] = ()
    others: tuple[ModelWish, ...] = ()
    max_models: int = 3
    keep_alive_ns: int = 1_800_000_000_000
    settings: Mapping[str, str] = field(default_factory=dict)
    gpus: tuple[Gpu, ...] | None = None
    embedded: bool = False
    file: str = "FILE"
    asked_url: str | None = None

    @property
    def declared(self) -> tuple[ModelWish, ...]:
        """Every model that should be on the host."""
        return (*self.models, *self.others)

    def setting(self, name: str) -> str | None:
        """A variable as the server reads it: trimmed, without quotes; None if unset or empty."""
        return self.settings.get(name, "").strip().strip("\"'") or None

    @property
    def url(self) -> str:
        """The address to ask."""
        return self.base_url if self.asked_url is None else self.asked_url

    def set_command(self, name: str, value: object) -> str:
        """The command that gives the server a variable."""
        assignment = shlex.quote(f"host.settings.{name}={value}")
        return f"hotswap provision settings apply --config {self.file} --set {assignment}"

    @property
    def server(self) -> Settings:
        """The server's settings, with its defaults for what the config does not say."""
        return Settings.from_environment(self.settings)


@dataclass(frozen=True, slots=True)
class Reach:
    """How the host was asked. `problem` says why it did not answer; `is_other`: something answers that is not Ollama.

    `host` is the name or address in the URL. `credentials`: headers of the config or the URL that could be a key;
    `open_without` is whether the host answers without them (None: not tried).
    """

    url: str
    host: str
    problem: str | None = None
    credentials: bool = False
    open_without: bool | None = None
    took_ns: int = 0
    is_other: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What `/api/show` says of a model: `blob` is the sha256 of its GGUF file, `spec` its header as far as told."""

    name: str
    blob: str | None
    architecture: str | None
    parameters: tuple[tuple[str, str], ...] = ()
    slides: bool = False
    spec: Spec | None = None
    problem: str = ""

    def number(self, parameter: str) -> int | None:
        """A whole number among the Modelfile's parameters."""
        text = dict(self.parameters).get(parameter, "")
        return int(text) if text.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Look:
    """One look at `/api/ps`. `rows` is None and `problem` a sentence where it did not answer."""

    at_ns: int
    wall_ns: int
    took_ns: int
    rows: tuple[RunningModel, ...] | None = ()
    problem: str | None = None

    def row(self, name: str) -> RunningModel | None:
        """The row of a model; None if it is not loaded."""
        wanted = canonical_model_name(name)
        return next((row for row in self.rows or () if canonical_model_name(row.name) == wanted), None)


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The server's clock less ours, and how far off that may be (its date has whole seconds)."""

    offset_ns: int
    uncertainty_ns: int


@dataclass(frozen=True, slots=True)
class OriginAnswer:
    """How a harmless request of a foreign web page was answered; `allowed` is Access-Control-Allow-Origin."""

    status: int
    allowed: str | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """A model was asked for. `load_ns` and `answer_ns` are None where nothing came within `limit_ns`.

    `looks` were taken meanwhile. `evicted` are models that were loaded before and not after.
    """

    model: str
    size_bytes: int
    limit_ns: int
    load_ns: int | None
    answer_ns: int | None
    looks: tuple[Look, ...] = ()
    evicted: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class LoadSample:
    """A recorded load of a model that had to be read: how many bytes in what time."""

    model: str
    size_bytes: int
    load_ns: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the checks may look at."""

    wishes: Wishes
    reach: Reach
    version: Version | None = None
    installed: tuple[InstalledModel, ...] | None = None
    shown: tuple[Shown, ...] = ()
    looks: tuple[Look, ...] = ()
    clock: ClockReading | None = None
    origin: OriginAnswer | None = None
    probe: Probe | None = None
    samples: tuple[LoadSample, ...] = ()

    @property
    def profile(self) -> Profile:
        """The scheduling rules of the server's release line; the newest where the version does not tell."""
        numbers = self.version.numbers if self.version else None
        return V024 if numbers is not None and numbers < OWN_ENGINE_ENDS else V032

    @property
    def last_rows(self) -> tuple[RunningModel, ...]:
        """What was loaded at the last look that was answered."""
        return next((look.rows for look in reversed(self.looks) if look.rows is not None), ())

    def of_installed(self, name: str) -> InstalledModel | None:
        """The installed model of this name."""
        wanted = canonical_model_name(name)
        return next((model for model in self.installed or () if canonical_model_name(model.name) == wanted), None)

    def of_shown(self, name: str) -> Shown | None:
        """What was shown of this model."""
        wanted = canonical_model_name(name)
        return next((model for model in self.shown if canonical_model_name(model.name) == wanted), None)

"""The `twin` section: the simulated host."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from toolkit.config.host import ServerSettings
from toolkit.config.scalars import PositiveSizeBytes, RateBytesPerS, SizeBytes, canonical_model_name
from toolkit.config.section import Section, wrong_key
from toolkit.config.twin_default import DEFAULT_GPUS, DEFAULT_MODELS
from toolkit.config.twin_parts import CpuSection, DiskSection, GpuSection, ProcessSection, TwinModelSection

Profile = Literal["v0.32", "v0.24"]
VERSION_BY_PROFILE: Mapping[str, str] = {"v0.32": "0.32.15", "v0.24": "0.24.0"}

_SYSTEM_BYTES = 4 << 30
# A token reads all weights once. Cards reach a share of their memory's speed: an RTX 4090 0.62 with an 8B, 0.80 with a
# 70B over two cards; an RTX 3090 0.59 and 0.74 (published measurements, docs/validation.md). For a CPU it is a guess.
_DECODE_SHARE_OF_BANDWIDTH = 0.75
# The same measurements: 54 and 48 on the RTX 4090, 35 and 24 on the RTX 3090.
_PREFILL_PER_DECODE_ON_GPU = 50.0
# A guess: a CPU of many cores.
_PREFILL_PER_DECODE_ON_CPU = 6.0


class TwinSection(Section):
    """The simulated host. `env` is the environment of its server; no GPU at all makes a CPU host.

    With `cpu`, what computes there at the same time shares the cores; without it nothing slows anything else down.
    `jitter` is the sigma of the log-normal factor on each duration; 0 makes equal things take equally long.
    """

    profile: Profile = "v0.32"
    version_given: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.+-]{1,40}$")] | None = Field(
        default=None, alias="version"
    )
    env: ServerSettings = Field(default_factory=dict)
    gpus: tuple[GpuSection, ...] = Field(default=DEFAULT_GPUS)
    ram_bytes: PositiveSizeBytes = Field(default=64 << 30, alias="ram")
    ram_free_given_bytes: SizeBytes | None = Field(default=None, alias="ram_free")
    ram_bandwidth_bytes_per_s: RateBytesPerS = Field(default=60 * 10**9, alias="ram_bandwidth")
    disk: DiskSection = Field(default_factory=DiskSection)
    process: ProcessSection = Field(default_factory=ProcessSection)
    cpu: CpuSection | None = None
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.05
    models: tuple[TwinModelSection, ...] = Field(default=DEFAULT_MODELS)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names: set[str] = set()
        for model in self.models:
            name = canonical_model_name(model.name)
            if name in names:
                raise wrong_key("models", f"two models are called {model.name}; keep one of them")
            names.add(name)
        return self

    @model_validator(mode="after")
    def _free_ram_is_part_of_ram(self) -> Self:
        if self.ram_free_given_bytes is not None and self.ram_free_given_bytes > self.ram_bytes:
            raise wrong_key("ram_free", "more than the RAM of this host")
        return self

    @property
    def version(self) -> str:
        """What `/api/version` answers."""
        return self.version_given or VERSION_BY_PROFILE[self.profile]

    @property
    def ram_free_bytes(self) -> int:
        """RAM that models and page cache may use: as given, or all but 4 GiB, at least half."""
        if self.ram_free_given_bytes is not None:
            return self.ram_free_given_bytes
        return max(self.ram_bytes - _SYSTEM_BYTES, self.ram_bytes // 2)

    def model(self, name: str) -> TwinModelSection | None:
        """The model of this name, `:latest` understood; None if the twin has no such model."""
        wanted = canonical_model_name(name)
        return next((model for model in self.models if canonical_model_name(model.name) == wanted), None)

    def decode_tok_per_s(self, model: TwinModelSection) -> float:
        """Tokens a second on the first GPU, given or estimated from the speed of its memory (RAM on a CPU host).

        The estimate is for dense models: all of the file is read for each token.
        """
        if model.decode_tok_per_s is not None:
            return model.decode_tok_per_s
        if not self.gpus:
            return self.cpu_decode_tok_per_s(model)
        return _DECODE_SHARE_OF_BANDWIDTH * self.gpus[0].bandwidth_bytes_per_s / model.size_bytes

    def prefill_tok_per_s(self, model: TwinModelSection) -> float:
        """Prompt tokens a second on the GPU, given or fifty times the decode speed (RTX 4090: 48 to 54)."""
        if model.prefill_tok_per_s is not None:
            return model.prefill_tok_per_s
        if not self.gpus:
            return self.cpu_prefill_tok_per_s(model)
        return _PREFILL_PER_DECODE_ON_GPU * self.decode_tok_per_s(model)

    def cpu_decode_tok_per_s(self, model: TwinModelSection) -> float:
        """Tokens a second with everything on the CPU, given or estimated from the speed of the RAM."""
        if model.cpu_decode_tok_per_s is not None:
            return model.cpu_decode_tok_per_s
        return _DECODE_SHARE_OF_BANDWIDTH * self.ram_bandwidth_bytes_per_s / model.size_bytes

    def cpu_prefill_tok_per_s(self, model: TwinModelSection) -> float:
        """Prompt tokens a second with everything on the CPU, given or six times the decode speed."""
        if model.cpu_prefill_tok_per_s is not None:
            return model.cpu_prefill_tok_per_s
        return _PREFILL_PER_DECODE_ON_CPU * self.cpu_decode_tok_per_s(model)

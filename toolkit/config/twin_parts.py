"""The parts of the simulated host: a GPU, the disk, a model.

What a file leaves out has a default or is estimated from what it says; the estimates stand here, beside the fields
they replace.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from toolkit.config.runner_options import OptionValue, check_options
from toolkit.config.scalars import (
    AnySizeBytes,
    DelayNs,
    Digest,
    ModelName,
    PositiveSizeBytes,
    RateBytesPerS,
    SizeBytes,
    digest_of_name,
)
from toolkit.config.section import Section, wrong_key

Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
PositiveCount = Annotated[int, Field(ge=1, le=1_000_000_000)]
Slope = Annotated[float, Field(ge=0, le=1e9)]
HeaderValue = bool | int | float | str
Speed = Annotated[float, Field(gt=0, le=1e9)]

_F16_BYTES = 2


class GpuSection(Section):
    """One GPU, in the order in which the driver lists it.

    `memory` is its total, `free` what other programs leave of it (None: all), `recovery` how long the driver shows
    memory as used after a process has ended, `bandwidth` the speed of its memory, `bus` that of copies from the host.
    """

    memory_bytes: PositiveSizeBytes = Field(alias="memory")
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "GPU"
    free_bytes: SizeBytes | None = Field(default=None, alias="free")
    library: Literal["CUDA", "ROCm", "Vulkan", "Metal"] = "CUDA"
    compute: Annotated[float, Field(ge=1, lt=100)] = 8.9
    integrated: bool = False
    recovery_ns: DelayNs = Field(default=700_000_000, alias="recovery")
    bandwidth_bytes_per_s: RateBytesPerS = Field(default=936 * 10**9, alias="bandwidth")
    bus_bytes_per_s: RateBytesPerS = Field(default=12 * 10**9, alias="bus")

    @model_validator(mode="after")
    def _free_is_part_of_memory(self) -> Self:
        if self.free_bytes is not None and self.free_bytes > self.memory_bytes:
            raise wrong_key("free", "more than the memory of this GPU")
        return self

    @property
    def compute_major(self) -> int:
        """The first number of the compute capability; below 6 a CUDA card has no flash attention."""
        return int(self.compute)


class DiskSection(Section):
    """The disk that the models lie on: `read` is its sequential speed.

    `cached` is the speed at which one thread fills memory with a file that the page cache holds, page faults included
    (None: a tenth of the RAM's bandwidth).
    """

    read_bytes_per_s: RateBytesPerS = Field(default=2 * 10**9, alias="read")
    cached_bytes_per_s: RateBytesPerS | None = Field(default=None, alias="cached")


class ProcessSection(Section):
    """What a runner's process costs, whatever it runs: `start` until it reads the model, `stop` until it has ended.

    `stop_per_gb` is added for each GB that it holds in system memory; `answer` is what each answer costs besides its
    tokens; `vram` is what CUDA takes for it on each GPU, beside what the engine allocates.
    """

    start_ns: DelayNs = Field(default=125_000_000, alias="start")
    stop_ns: DelayNs = Field(default=4_000_000, alias="stop")
    stop_per_gb_ns: DelayNs = Field(default=117_000_000, alias="stop_per_gb")
    answer_ns: DelayNs = Field(default=0, alias="answer")
    vram_bytes: SizeBytes = Field(default=450 << 20, alias="vram")


class CpuSection(Section):
    """Processor of a host that computes there: runners and loads that work at the same time share `cores`.

    `threads` is what one answering runner uses (the option num_thread; by default all cores). `drag` is the share by
    which everything is slower while another program fills a core, which only the replay of a recording knows of.
    """

    cores: Annotated[float, Field(gt=0, le=4096)]
    threads_given: Annotated[float, Field(gt=0, le=4096)] | None = Field(default=None, alias="threads")
    drag: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @property
    def threads(self) -> float:
        """Threads of one answering runner."""
        return self.threads_given or self.cores


class VramSection(Section):
    """What a model really takes on a GPU, where that is known better than the arithmetic of `hotswap fit`."""

    weights_bytes: PositiveSizeBytes | None = Field(default=None, alias="weights")
    kv_bytes_per_token: AnySizeBytes | None = Field(default=None, alias="kv_per_token")
    compute_bytes: SizeBytes | None = Field(default=None, alias="compute")


class DetailsSection(Section):
    """What `/api/tags` and `/api/show` say about a model, as text."""

    family: str | None = None
    parameters: str = ""
    quantization: str = ""


class TwinModelSection(Section):
    """A model that the twin has.

    `size` is that of the GGUF file. The numbers of the header decide what the server predicts; speeds are those of
    one request with everything on the GPU (or CPU) and an empty context. `prompt_start` is paid once a prompt; the two
    `…_ns_per_context` say how much dearer a token is for each token before it (None: reading not at all, writing by
    the bytes of the cache). `options` are the Modelfile's parameters.

    What it really takes is reckoned from its header if the name is that of a published model with these numbers, or if
    `feed_forward_length` and `vocabulary` are given; `header` has further keys of it, without the architecture's prefix
    (`attention.key_length`, `attention.sliding_window`, `expert_count`, …). `vram` wins over both.
    """

    name: ModelName
    size_bytes: PositiveSizeBytes = Field(alias="size")
    digest_given: Digest | None = Field(default=None, alias="digest")
    architecture: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "llama"
    blocks: PositiveCount
    embedding_length: PositiveCount
    head_count: Count
    head_count_kv: Count
    context_length: PositiveCount
    feed_forward_length: PositiveCount | None = None
    vocabulary: PositiveCount | None = None
    header: Mapping[str, HeaderValue] = Field(default_factory=dict)
    embedding: bool = False
    prefill_tok_per_s: Speed | None = None
    decode_tok_per_s: Speed | None = None
    cpu_prefill_tok_per_s: Speed | None = None
    cpu_decode_tok_per_s: Speed | None = None
    prompt_start_ns: DelayNs = Field(default=0, alias="prompt_start")
    prefill_ns_per_context: Slope | None = None
    decode_ns_per_context: Slope | None = None
    vram: VramSection = Field(default_factory=VramSection)
    details: DetailsSection = Field(default_factory=DetailsSection)
    options: Mapping[str, OptionValue] = Field(default_factory=dict)

    @field_validator("options")
    @classmethod
    def _options_have_their_types(cls, options: Mapping[str, OptionValue]) -> Mapping[str, OptionValue]:
        check_options(options)
        return options

    @property
    def digest(self) -> str:
        """The blob's sha256 in hex, or a stand-in made from the name."""
        return self.digest_given or digest_of_name(self.name)

    @property
    def weights_bytes(self) -> int:
        """What the GPU holds of the file."""
        return self.vram.weights_bytes or self.size_bytes

    @property
    def kv_bytes_per_token(self) -> int:
        """The f16 cache of one token over all layers: keys and values, each as wide as the kv heads."""
        if self.vram.kv_bytes_per_token is not None:
            return self.vram.kv_bytes_per_token
        head_length = self.embedding_length // max(self.head_count, 1)
        return 2 * self.blocks * self.head_count_kv * head_length * _F16_BYTES if self.head_count else 0

    @property
    def compute_bytes(self) -> int:
        """The scratch buffer; 512 MiB where it is not known, right for a dense 7 to 14 B model at 32768 tokens."""
        return 512 << 20 if self.vram.compute_bytes is None else self.vram.compute_bytes

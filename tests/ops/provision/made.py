"""Short ways to make hosts and declarations out of nothing."""

from __future__ import annotations

from toolkit.ollama.types import InstalledModel, ModelDetails, RunningModel
from toolkit.ops.provision.observed import Made, Observed

DETAILS = ModelDetails("gguf", "llama", ("llama",), "7B", "Q4_K_M")
GB = 10**9


def installed(name: str, digest: str = "ab" * 32, size_bytes: int = GB) -> InstalledModel:
    return InstalledModel(name, digest, size_bytes, 0, DETAILS, None)


def running(name: str, expires_at_ns: int | None = None) -> RunningModel:
    return RunningModel(name, "ab" * 32, 2 * GB, GB, expires_at_ns, 4096, DETAILS)


def made(
    parameters: tuple[tuple[str, str], ...] = (), system: str = "", template: str = "T", source: str = "/blobs/a"
) -> Made:
    return Made(parameters, system, template, (source,))


def observed(*models: InstalledModel, **more: Made) -> Observed:
    """A host; `more` is how models are made, by name without tag."""
    return Observed(models, (), {f"{name}:latest": how for name, how in more.items()})

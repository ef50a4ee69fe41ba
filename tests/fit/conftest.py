"""Models that several tests of the memory arithmetic share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.fit.catalogue import published
from toolkit.fit.spec import Spec, spec_of
from toolkit.ollama.gguf import STORAGE_BY_NAME, Header, TensorInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolkit.ollama.gguf import Value


@pytest.fixture(scope="session")
def spec() -> Callable[[str], Spec]:
    """The spec of a published model."""
    return lambda name: spec_of(published(name))


@pytest.fixture(scope="session")
def made_up() -> Callable[..., Spec]:
    """A model out of keys (without the architecture's prefix) and tensors (name -> shape), all f16."""

    def make(architecture: str, keys: Mapping[str, Value], tensors: Mapping[str, tuple[int, ...]]) -> Spec:
        metadata: dict[str, Value] = {f"{architecture}.{key}": value for key, value in keys.items()}
        metadata["general.architecture"] = architecture
        rows = tuple(TensorInfo(name, shape, STORAGE_BY_NAME["F16"]) for name, shape in tensors.items())
        return spec_of(Header("made-up", 3, "little", metadata, rows, None, 1000))

    return make

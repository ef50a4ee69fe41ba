"""What every test gets: no traffic beyond loopback, and a way to the recordings that lie beside the project."""

from __future__ import annotations

import hashlib
import os
import socket
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.addresses import asked_host, may_connect
from toolkit.host.machine import GpuHardware, HostHardware
from toolkit.host.scheduler import GpuSpec, ModelSpec
from toolkit.host.timing import HostSpeeds, ModelCost
from toolkit.host.twin_spec import TwinModel, TwinSpec

PROJECT_DIR = Path(__file__).resolve().parents[1]
SHARED_DIR = PROJECT_DIR.parent / "shared"

settings.register_profile("untimed", deadline=None)  # how long an example takes says how busy the machine is
settings.load_profile("untimed")


class NonLoopbackTrafficError(AssertionError):
    """A test tried to reach an address that is not this machine's own."""


@pytest.fixture(autouse=True)
def _loopback_only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection and datagram that would leave the machine, name look-ups included.

    A test that is marked live may reach the one host that `make test-live` was given, and no other.
    """
    asked = asked_host(os.environ) if request.node.get_closest_marker("live") else None
    names = frozenset() if asked is None else asked.resolved()
    real_connect, real_connect_ex, real_sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
    real_getaddrinfo = socket.getaddrinfo

    def check(address: object) -> None:
        if not may_connect(address, asked, names):
            raise NonLoopbackTrafficError(f"tests may talk to loopback only, not to {address!r}")

    def connect(self: socket.socket, address: Any) -> None:
        check(address)
        return real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        check(address)
        return real_connect_ex(self, address)

    def sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        check(rest[-1])
        return real_sendto(self, data, *rest)

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None:
            check((host.decode() if isinstance(host, bytes) else host,))
        return real_getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect_ex)
    monkeypatch.setattr(socket.socket, "sendto", sendto)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture(autouse=True)
def _own_store(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Runs that a test stores go to a store of its own, never to that of the person who runs the tests."""
    monkeypatch.setenv("HOTSWAP_STORE", str(tmp_path_factory.getbasetemp() / "stores" / f"{uuid.uuid4().hex}.db"))


@pytest.fixture(scope="session")
def project_dir() -> Path:
    """The root of the checkout."""
    return PROJECT_DIR


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of recordings beside the checkout; the test is skipped, visibly, where it is absent."""
    if not SHARED_DIR.is_dir():
        pytest.skip("the recordings beside the project are not here")
    return SHARED_DIR


def _model(
    name: str, file_bytes: int, geometry: tuple[str, int, int, int, int, int], kv_bytes_per_token: int, tok_per_s: float
) -> TwinModel:
    architecture, blocks, embedding, heads, kv_heads, context = geometry
    digest = hashlib.sha256(name.encode()).hexdigest()
    spec = ModelSpec(name, digest, file_bytes, architecture, blocks, embedding, heads, kv_heads, context)
    cost = ModelCost(
        file_bytes,
        file_bytes,
        kv_bytes_per_token,
        300 << 20,
        blocks + 1,
        40 * tok_per_s,
        tok_per_s,
        40.0,
        tok_per_s / 12,
    )
    return TwinModel(spec, cost)


@pytest.fixture
def small_twin() -> TwinSpec:
    """A 24 GiB GPU and three models: `big` leaves no room, `code` and `fast` live together at a context of 4096."""
    gib = 1 << 30
    gpu = GpuHardware(GpuSpec("GPU-0", "CUDA", 24 * gib), 24 * gib, 620_000_000)
    return TwinSpec(
        hardware=HostHardware((gpu,), 64 * gib, 48 * gib),
        models=(
            _model("big", 20_000_000_000, ("qwen2", 64, 5120, 40, 8, 32768), 262_144, 38.0),
            _model("code", 8_900_000_000, ("deepseek2", 27, 2048, 16, 16, 163_840), 276_480, 120.0),
            _model("fast", 4_700_000_000, ("qwen2", 28, 3584, 28, 4, 32768), 57_344, 130.0),
        ),
        environment=(),
        profile="v0.32",
        server_version="0.32.15",
        speeds=HostSpeeds(2e9, 10e9, 60e9, 25e9, 936e9),
        jitter_sigma=0.05,
        description="24 GiB",
    )

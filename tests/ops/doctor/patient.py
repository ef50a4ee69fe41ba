"""A twin as the doctor's patient: in process, in virtual time, asked over HTTP like any host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.fit.gpus import Gpu
from toolkit.host.mock.twin import DEFAULT_START
from toolkit.ollama.address import parse_address
from toolkit.ops.doctor.asking import Access, Asking
from toolkit.ops.doctor.check import examine
from toolkit.ops.doctor.checks import CHECKS
from toolkit.ops.doctor.collect import Round, collect
from toolkit.ops.doctor.evidence import ModelWish, Wishes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.host.mock import MockTwin
    from toolkit.ops.doctor.check import Finding
    from toolkit.ops.doctor.evidence import Evidence

NS_PER_S = 1_000_000_000
GIB = 1 << 30
FAST, CODE, BIG = "qwen2.5:7b", "deepseek-coder-v2:16b", "qwen2.5:32b"
CARD = (Gpu("RTX 4090", 24 * GIB, 1008 * 10**9, "CUDA", 8),)


@dataclass(frozen=True, slots=True)
class TwinClock:
    """The twin's time as the doctor's own."""

    twin: MockTwin

    def now_ns(self) -> int:
        return self.twin.now_ns

    def wall_ns(self) -> int:
        return round(DEFAULT_START.timestamp()) * NS_PER_S + self.twin.now_ns

    async def sleep_ns(self, duration_ns: int) -> None:
        await self.twin.sleep(duration_ns / NS_PER_S)


def wish(name: str, num_ctx: int | None = 4096, **options: int) -> ModelWish:
    """A model with a context; None leaves it to the server."""
    return ModelWish(name, options={**({} if num_ctx is None else {"num_ctx": num_ctx}), **options})


def wishes(*models: ModelWish, url: str = "http://127.0.0.1:11434", **more: object) -> Wishes:
    """A config that suits the twin: two models that live together, on the card that it has."""
    given: dict[str, object] = {"gpus": CARD, **more}
    return Wishes(url, models or (wish(FAST), wish(CODE)), **given)  # type: ignore[arg-type]  # tests name real fields


async def gathered(
    twin: MockTwin, wanted: Wishes, round_: Round | None = None, headers: Mapping[str, str] | None = None
) -> Evidence:
    """The evidence, as the command collects it."""
    clock = TwinClock(twin)
    async with Asking(Access(parse_address(wanted.base_url), headers or {}), clock) as asking:
        return await collect(asking, wanted, round_ or Round(), clock)


async def findings(
    twin: MockTwin, wanted: Wishes | None = None, round_: Round | None = None, headers: Mapping[str, str] | None = None
) -> dict[str, Finding]:
    """Every check's finding, by its id."""
    evidence = await gathered(twin, wanted or wishes(), round_, headers)
    return {result.check.id: result.finding for result in examine(CHECKS, evidence)}


def trouble(found: dict[str, Finding]) -> set[str]:
    """The checks that are not silent."""
    return {name for name, finding in found.items() if finding.status in {"warn", "fail"}}

"""The session against the twin behind HTTP, and the study that comes of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from toolkit.cli.vram import vram
from toolkit.config.twin import TwinSection
from toolkit.config.twin_default import DEFAULT_GPUS
from toolkit.errors import HostError, HotswapError, UsageError
from toolkit.fit.catalogue import published
from toolkit.fit.estimate import estimate
from toolkit.fit.gpus import gpus_of
from toolkit.fit.observations import observation_line, parse_observations
from toolkit.fit.room import Room
from toolkit.fit.setting import Setting
from toolkit.fit.spec import spec_of
from toolkit.host.app.serve import listening
from toolkit.host.assembly import TwinOptions, assemble
from toolkit.host.clock import RealClock
from toolkit.measure.host_facts import ask_host
from toolkit.measure.vram.session import Rung, VramOutcome, VramSession
from toolkit.measure.vram.study import Compared, ServerSetting, expected_of, observation_of, study_of
from toolkit.ollama.client import OllamaClient
from toolkit.ops.settings.runner import Ran
from toolkit.replay.make_room import Patience
from toolkit.report.vram import terminal_text, to_jsonable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from toolkit.measure.host_facts import HostFacts
    from toolkit.measure.vram.study import VramStudy

PRIMARY, FAST = "qwen2.5:32b", "qwen2.5:7b"
QUICK = Patience(poll_ns=5_000_000, settle_ns=0)
QUICK_CARD = TwinSection(gpus=(DEFAULT_GPUS[0].model_copy(update={"integrated": True}),))
"""Memory of an integrated GPU needs no time to recover, so that a test need not wait for it."""
CARD = Room(gpus_of("rtx4090"))
GIB = 1 << 30


@asynccontextmanager
async def client_of_twin(section: TwinSection | None = None) -> AsyncIterator[OllamaClient]:
    options = TwinOptions(section=section or QUICK_CARD, time_scale=0.001)
    async with listening(assemble(options, RealClock()).app, "127.0.0.1", 0) as url, OllamaClient(url) as client:
        yield client


class Driver:
    """An nvidia-smi whose number rises by 5 GiB with every second question."""

    def __init__(self) -> None:
        self._asked = 0

    def run(self, command: Sequence[str]) -> Ran:
        assert command[0] == "nvidia-smi"
        self._asked += 1
        return Ran(0, f"{1000 + 5120 * ((self._asked + 1) % 2)}\n", "")


async def observed(
    client: OllamaClient, *, room: Room | None = CARD, setting: ServerSetting | None = None
) -> VramStudy:
    facts = await ask_host(client, (PRIMARY,), to_generate=True)
    outcome = await VramSession(client, patience=QUICK).run([(PRIMARY, (16_384, 32_768))])
    specs = {PRIMARY: spec_of(published(PRIMARY))}
    return study_of(facts, outcome, specs, setting or ServerSetting(), room)


async def test_the_cliff_is_found_between_two_contexts() -> None:
    """The twin's figures put 18,432 tokens of this model beyond 24 GiB, and 17,408 within."""
    async with client_of_twin() as client:
        await client.load(FAST, keep_alive_ns=-1)
        study = await observed(client)
        assert [row.name for row in await client.ps()] == [FAST]
    (cliff,) = study.cliffs
    assert cliff.whole is not None
    assert cliff.spilled is not None
    assert cliff.spilled.num_ctx - cliff.whole.num_ctx == 1024
    assert cliff.whole.tok_per_s is not None
    assert cliff.spilled.tok_per_s is not None
    assert cliff.expected_whole is not None
    assert abs(cliff.expected_whole - cliff.whole.num_ctx) < 5000
    assert all(one.off_share is not None and abs(one.off_share) < 0.05 for one in study.compared)
    text = terminal_text(study)
    assert f"spills between {cliff.whole.num_ctx:,} and {cliff.spilled.num_ctx:,} tokens" in text
    assert "fit expects it to be whole up to" in text
    assert "own simulation" in text
    told = to_jsonable(study)
    assert told["observations"][-1]["whole"] is False
    assert told["observations"][0]["driver_bytes"] is None


async def test_without_known_gpus_no_difference_is_told_where_its_reason_is_known() -> None:
    """The card is nearly full with this model, so the server takes a batch of 512 where it wished for 1024."""
    async with client_of_twin() as client:
        study = await observed(client, room=None)
    whole = [one for one in study.compared if one.rung.is_whole]
    spilled = [one for one in study.compared if not one.rung.is_whole]
    assert whole
    assert spilled
    assert {one.untold for one in whole} == {"batch"}
    assert all(one.expected.least_bytes == pytest.approx(one.rung.vram_bytes, rel=1e-3) for one in whole)
    assert {one.untold for one in spilled} == {"spill"}
    assert all(one.off_share is None for one in study.compared)
    text = terminal_text(study)
    assert " to " in text.split("\n")[1]
    assert "within" in text
    said = " ".join(text.split())
    assert "how much of a model that has spilled should stay in VRAM, whether the server took a smaller batch" in said
    assert "Name them with --gpu." in said
    assert {one["not_compared_for"] for one in to_jsonable(study)["observations"]} == {"batch", "spill"}


@pytest.mark.parametrize(("seen_share", "off", "untold"), [(0.9, -0.1, None), (1.0, None, "batch"), (1.1, 0.1, None)])
def test_what_no_batch_explains_is_told_against_the_nearest(
    seen_share: float, off: float | None, untold: str | None
) -> None:
    spec = spec_of(published(FAST))
    expected = expected_of(spec, 8192, ServerSetting(), None)
    assert expected.least_bytes < expected.shown_bytes
    end_bytes = expected.least_bytes if seen_share <= 1 else expected.shown_bytes
    seen_bytes = round(end_bytes * seen_share)
    rung = Rung(FAST, 8192, seen_bytes, seen_bytes, 8192, None, None, "2026-11-28T01:02:03Z")
    compared = Compared(rung, expected)
    assert compared.untold == untold
    assert compared.off_share == (None if off is None else pytest.approx(off))


def test_a_server_without_flash_attention_takes_a_small_batch() -> None:
    """512 with known GPUs; without, it may be 256, for a card of 8 GiB."""
    spec, off = spec_of(published(FAST)), ServerSetting(flash_attn="off")
    known, unknown = expected_of(spec, 32_768, off, CARD), expected_of(spec, 32_768, off, None)
    assert (
        known.shown_bytes
        == unknown.shown_bytes
        == estimate(spec, Setting(32_768, 1, 512, "f16", "off")).shown_vram_bytes
    )
    assert unknown.least_bytes == estimate(spec, Setting(32_768, 1, 256, "f16", "off")).shown_vram_bytes
    assert known.least_bytes == known.shown_bytes


async def test_observations_are_what_fit_reads() -> None:
    async with client_of_twin() as client:
        study = await observed(client)
    seen = [observation_of(one.rung, study.facts, ServerSetting(2, "q8_0")) for one in study.compared]
    read = parse_observations([observation_line(one) for one in seen], "there")
    assert list(read) == seen
    assert {one.kv_type for one in read} == {"q8_0"}
    assert [one.on_gpus_only for one in read] == [one.rung.is_whole for one in study.compared]


async def test_the_driver_is_asked_before_and_after() -> None:
    async with client_of_twin() as client:
        outcome = await VramSession(client, runner=Driver(), patience=QUICK).run([(FAST, (4096,))])
    assert [rung.driver_bytes for rung in outcome.rungs] == [5 * GIB]


async def test_a_driver_that_cannot_be_asked_ends_it_and_the_host_is_put_back() -> None:
    class Gone:
        def run(self, _command: Sequence[str]) -> Ran:
            raise HostError("ssh: no route")

    async with client_of_twin() as client:
        outcome = await VramSession(client, runner=Gone(), patience=QUICK).run([(FAST, (4096,))])
        assert outcome.ended == "stopped after 0 loads: ssh: no route"
        assert await client.ps() == ()


async def test_a_host_without_gpu_has_no_cliff() -> None:
    async with client_of_twin(TwinSection(gpus=())) as client:
        study = await observed(client, room=None)
    assert all(one.rung.vram_bytes == 0 and one.off_share is None for one in study.compared)
    assert (study.cliffs[0].whole, study.cliffs[0].spilled) == (None, None)
    assert "Nothing is on a GPU on this host" in terminal_text(study)


async def test_cancelling_keeps_what_was_seen() -> None:
    async with client_of_twin() as client:
        first = asyncio.Event()

        def seen(_rung: Rung) -> None:
            first.set()

        session = VramSession(client, patience=QUICK, on_rung=seen)
        task = asyncio.create_task(session.run([(FAST, tuple(range(1024, 200 * 128, 128)))]))
        await first.wait()
        task.cancel()
        outcome = await task
        assert outcome.interrupted
        assert outcome.rungs
        assert await client.ps() == ()


def facts() -> HostFacts:
    from toolkit.measure.host_facts import HostFacts, MeasuredModel  # noqa: PLC0415 - values for one test

    model = MeasuredModel("gemma3:12b", "0" * 64, 8 * GIB, generates=True)
    return HostFacts("http://127.0.0.1:11434", "0.32.15", "0.1.0", "2026-11-28T01:02:03Z", (model,), simulated=False)


def test_what_ps_leaves_out_of_a_sliding_window_model_is_said() -> None:
    spec = spec_of(published("gemma3:12b"))
    rung = Rung("gemma3:12b", 65_536, 10 * GIB, 10 * GIB, 65_536, 40.0, None, "2026-11-28T01:02:03Z")
    outcome = VramOutcome((rung, replace(rung, num_ctx=4096, context_length=4096)), (), None, interrupted=False)
    study = study_of(facts(), outcome, {"gemma3:12b": spec}, ServerSetting(), None)
    assert study.compared[-1].expected.real_bytes > study.compared[-1].expected.shown_bytes * 1.1
    text = terminal_text(study)
    assert "it has sliding windows" in text
    assert "Not known without the host's GPUs: where layers" in text


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "--host URL"),
        (("--host", "http://127.0.0.1:9"), 1, "http://127.0.0.1:9"),
        (("--host", "http://127.0.0.1:9", "--num-ctx", "many"), 2, "write whole numbers"),
        (("--host", "http://127.0.0.1:9", "--kv-type", "q9"), 2, "--kv-type 'q9'"),
        (("--host", "http://127.0.0.1:9", "--gpu", "abacus"), 2, "abacus"),
    ],
)
def test_mistakes_are_plain_sentences(
    arguments: tuple[str, ...], code: int, words: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from click.testing import CliRunner  # noqa: PLC0415 - only here

    out = str(tmp_path_factory.mktemp("out"))
    failure = CliRunner().invoke(vram, [FAST, *arguments, "--out", out, "--quiet"]).exception
    assert isinstance(failure, HotswapError)
    assert failure.exit_code == code
    assert words in str(failure)


async def test_a_model_that_is_not_there_is_refused_before_anything_is_touched() -> None:
    async with client_of_twin() as client:
        with pytest.raises(UsageError, match="no model nobody:latest"):
            await ask_host(client, ("nobody",), to_generate=True)

"""What reading a header costs: a vocabulary of 250,000 tokens is stepped over in under 60 ms, without numpy.

The least time of many rounds is compared with the promise: the machine's other work only adds. With benchmarks
switched off the same calls are made once and only their answers are checked. The `gguf` package is measured beside it
where it is installed.
"""

from __future__ import annotations

import importlib.util
import struct
import time
from typing import TYPE_CHECKING, Any

from toolkit.fit.cases import answer
from toolkit.fit.catalogue import published
from toolkit.fit.setting import Setting
from toolkit.fit.spec import spec_of
from toolkit.ollama.gguf import ArrayValue, read_bytes, read_file

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

TOKENS = 250_000
PROMISE_S = 0.06
CASES_PROMISE_S = 30 / 10_000


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def vocabulary_file() -> bytes:
    """Tokens, their types and as many merges, as a byte-pair vocabulary has them."""
    tokens = b"".join(text(f"token{number}") for number in range(TOKENS))
    merges = b"".join(text(f"to ken{number}") for number in range(TOKENS))
    keys = [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, TOKENS) + tokens,
        text("tokenizer.ggml.token_type") + struct.pack("<IIQ", 9, 5, TOKENS) + bytes(4 * TOKENS),
        text("tokenizer.ggml.merges") + struct.pack("<IIQ", 9, 8, TOKENS) + merges,
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(keys)) + b"".join(keys)
    head += text("output_norm.weight") + struct.pack("<IQIQ", 1, 8, 0, 0)
    return head + bytes(-len(head) % 32) + bytes(32)


def least_s(benchmark: BenchmarkFixture) -> float:
    """The least time of all rounds."""
    assert benchmark.stats is not None
    return float(benchmark.stats.stats.min)


def test_a_large_vocabulary_is_stepped_over_in_under_60_ms(benchmark: BenchmarkFixture) -> None:
    """The file has two lists of a quarter million strings, so the promise is kept twice over."""
    data = vocabulary_file()
    header = benchmark(read_bytes, data)
    assert header.metadata["tokenizer.ggml.tokens"] == ArrayValue("string", TOKENS, None)
    if benchmark.enabled:
        assert least_s(benchmark) < PROMISE_S


def test_it_is_quicker_than_the_gguf_package(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """The other reader builds an array for each string; where it is not installed only our own time is taken."""
    path = tmp_path / "vocabulary.gguf"
    path.write_bytes(vocabulary_file())
    benchmark(read_file, path)
    if benchmark.enabled and importlib.util.find_spec("gguf") is not None:
        other: Any = importlib.import_module("gguf")
        start = time.perf_counter()
        other.GGUFReader(path)
        taken_s = time.perf_counter() - start
        benchmark.extra_info["gguf package, times as long"] = round(taken_s / least_s(benchmark), 1)
        assert taken_s > least_s(benchmark)


def test_ten_thousand_cases_take_under_half_a_minute(benchmark: BenchmarkFixture) -> None:
    """One case of a middling model, computed anew each time."""
    spec = spec_of(published("gemma3:12b"))
    found = benchmark(answer, spec, Setting(32768, parallel=4, batch=2048))
    assert found["known_architecture"]
    if benchmark.enabled:
        assert least_s(benchmark) < CASES_PROMISE_S

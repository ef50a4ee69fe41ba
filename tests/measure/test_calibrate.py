"""From a recording to a config: the recorded host of the fixtures, whole and with parts taken away."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from toolkit.config.loading import load_config
from toolkit.errors import Inconclusive, InputError, UsageError
from toolkit.measure.command import calibrated
from toolkit.measure.twin_yaml import without_twin

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.config.twin import TwinSection
    from toolkit.measure.command import Calibrated


def some_of(source: Path, target: Path, *names: str) -> Path:
    for name in names:
        shutil.copyfile(source / name, target / name)
    return target


def section_of(text: str, directory: Path) -> TwinSection:
    """The text is a config, without a warning."""
    path = directory / "out.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = load_config(path, {})
    assert loaded.warnings == ()
    return loaded.config.twin


def test_a_recording_becomes_a_config_with_the_constants_of_its_host(calibration: Calibrated, tmp_path: Path) -> None:
    twin = section_of(calibration.config, tmp_path)
    assert twin.gpus == ()
    assert twin.env == {"OLLAMA_MAX_LOADED_MODELS": "2"}
    assert twin.disk.cached_bytes_per_s == pytest.approx(1.20e9, rel=0.03)
    assert twin.disk.read_bytes_per_s == pytest.approx(0.73e9, rel=0.05)
    assert twin.process.start_ns == pytest.approx(125e6, rel=0.1)
    assert twin.process.stop_per_gb_ns == pytest.approx(117e6, rel=0.1)
    assert twin.cpu is not None
    assert (twin.cpu.cores, twin.cpu.threads) == (2, 1)
    models = {model.name: model for model in twin.models}
    assert set(models) == {"m1", "embed", "b50", "b150", "b400", "b800", "b1500"}
    assert models["embed"].embedding
    # What was measured with the machine to itself, to a few percent: 5.7, 16, 37 and 73 ms a token.
    for name, step_ms in (("b50", 5.7), ("b150", 15.9), ("b400", 37.5), ("b800", 72.0)):
        speed = models[name].cpu_decode_tok_per_s
        assert speed is not None
        assert 1000 / speed == pytest.approx(step_ms, rel=0.08)
    # Caches of 8, 11, 16 and 14 layers, 4 bytes for each of 512, 768, 1024 and 1536 values.
    for name, kv_bytes in (("b50", 16_384), ("b150", 33_792), ("b400", 65_536), ("b800", 86_016)):
        assert models[name].kv_bytes_per_token == pytest.approx(kv_bytes, rel=0.15)


def test_each_value_says_its_interval_its_count_and_its_source(calibration: Calibrated) -> None:
    text = calibration.config
    assert "loads from the page cache" in text
    assert "no answers of its own: scaled from the nearest in size" in text
    cached = next(line for line in text.splitlines() if line.strip().startswith("cached:"))
    assert cached.endswith("180 loads from the page cache")


def test_equal_seeds_give_equal_bytes(timing: Path, tmp_path: Path) -> None:
    matrix = some_of(timing, tmp_path, "swap_matrix.csv")
    assert calibrated(matrix, "all", 3, None).config == calibrated(matrix, "all", 3, None).config


def test_a_swap_matrix_alone_gives_loads_and_speeds_at_one_length(timing: Path, tmp_path: Path) -> None:
    matrix = some_of(timing, tmp_path, "swap_matrix.csv")
    twin = section_of(calibrated(matrix, "all", 0, None).config, tmp_path)
    assert twin.cpu is None
    assert twin.disk.cached_bytes_per_s == pytest.approx(0.9e9, rel=0.25)  # no log: the buffers are not known
    model = twin.model("b150")
    assert model is not None
    assert model.cpu_decode_tok_per_s == pytest.approx(60, rel=0.1)
    assert model.decode_ns_per_context is None


def test_traffic_alone_gives_loads_by_its_log(timing: Path, tmp_path: Path) -> None:
    traffic = some_of(timing, tmp_path, "requests.jsonl", "server.log")
    twin = section_of(calibrated(traffic, "all", 0, None).config, tmp_path)
    assert twin.disk.cached_bytes_per_s == pytest.approx(1.2e9, rel=0.3)
    assert twin.process.stop_per_gb_ns == pytest.approx(117e6, rel=0.25)


def test_traffic_without_a_log_gives_sizes_by_its_loads_and_says_so(timing: Path, tmp_path: Path) -> None:
    done = calibrated(some_of(timing, tmp_path, "requests.jsonl"), "all", 0, None)
    models = {model.name: model for model in section_of(done.config, tmp_path).models}
    assert set(models) == {"m1", "embed", "b50", "b150", "b400", "b800"}
    assert models["m1"].size_bytes < models["b400"].size_bytes < models["b800"].size_bytes
    assert models["embed"].embedding
    assert "size by its loads, as nothing says it: b150, b400, b50, b800, embed, m1" in done.text
    assert "loads: fewer than 5 are usable" in done.text


def test_traffic_of_a_model_that_the_config_lacks_is_refused(timing: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.yaml"
    base.write_text("twin: {models: [{name: other, size: 1GB, architecture: llama, blocks: 1, embedding_length: 1, "
                    "head_count: 1, head_count_kv: 1, context_length: 1}]}\n")  # fmt: skip
    with pytest.raises(UsageError, match="nothing says how large b150 is"):
        calibrated(some_of(timing, tmp_path, "requests.jsonl"), "all", 0, load_config(base))


def test_what_a_config_says_of_the_host_is_kept(timing: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.yaml"
    base.write_text(
        "llm:\n  models: {primary: b800, code: b400, fast: m1}   # ours\n"
        "twin:\n  gpus: []\n  ram: 23GiB\n  models:\n"
        "    - {name: b400, size: 412411616B, blocks: 16, embedding_length: 1024, head_count: 16, head_count_kv: 16,\n"
        "       context_length: 8192}\n"
        "    - {name: other, size: 5GB, blocks: 3, embedding_length: 8, head_count: 1, head_count_kv: 1,\n"
        "       context_length: 99, options: {temperature: 0.5}}\n"
        "gateway: {port: 9000}\n",
        encoding="utf-8",
    )
    text = calibrated(timing, "all", 0, load_config(base, {})).config
    assert "# ours" in text
    assert "port: 9000" in text
    twin = section_of(text, tmp_path)
    assert twin.ram_bytes == 23 << 30
    known, other = twin.model("b400"), twin.model("other")
    assert known is not None
    assert (known.blocks, known.context_length) == (16, 8192)
    assert known.cpu_decode_tok_per_s is not None
    assert other is not None
    assert other.options == {"temperature": 0.5}


def test_gpus_have_to_be_described(timing: Path, tmp_path: Path) -> None:
    copied = some_of(timing, tmp_path, "requests.jsonl", "server.log")
    log = copied / "server.log"
    log.write_text(log.read_text(encoding="utf-8").replace('runner.vram="0 B"', 'runner.vram="64.0 MiB"'), "utf-8")
    with pytest.raises(UsageError, match=r"twin\.gpus"):
        calibrated(copied, "all", 0, None)
    base = tmp_path / "gpu.yaml"
    base.write_text("twin:\n  gpus: [{name: RTX 3090, memory: 24GiB, bandwidth: 936GB/s}]\n", encoding="utf-8")
    twin = section_of(calibrated(copied, "all", 0, load_config(base, {})).config, tmp_path)
    assert twin.gpus[0].name == "RTX 3090"
    model = twin.model("b400")
    assert model is not None
    assert model.decode_tok_per_s is not None
    assert model.cpu_decode_tok_per_s is None
    assert twin.cpu is None


def test_what_is_no_recording_is_refused(timing: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such directory"):
        calibrated(tmp_path / "nowhere", "all", 0, None)
    with pytest.raises(InputError, match=r"neither requests\.jsonl nor swap_matrix\.csv"):
        calibrated(tmp_path, "all", 0, None)
    matrix = tmp_path / "swap_matrix.csv"
    head = (timing / "swap_matrix.csv").read_text(encoding="utf-8").splitlines()[:2]
    matrix.write_text("\n".join([head[0], head[1].replace("754208", "many")]), encoding="utf-8")
    with pytest.raises(InputError, match=r"swap_matrix\.csv:2"):
        calibrated(tmp_path, "all", 0, None)
    matrix.write_text("\n".join(head).replace(",34,0.002541,", ",,,"), encoding="utf-8")
    with pytest.raises(Inconclusive, match="too few"):
        calibrated(tmp_path, "all", 0, None)


def test_a_twin_section_is_cut_out_wherever_it_stands() -> None:
    text = "a: 1\ntwin:\n  x: 1\n\n  y: 2\n# about b\nb: 2\n"
    assert without_twin(text).replace("\n", " ").split() == ["a:", "1", "b:", "2"]

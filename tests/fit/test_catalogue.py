"""Published models, and tensors drafted from their numbers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from toolkit.errors import UsageError
from toolkit.fit.catalogue import ALIASES, CATALOGUE, published
from toolkit.fit.draft import drafted
from toolkit.ollama.gguf import GgufError

if TYPE_CHECKING:
    from pathlib import Path

SHARED_FACTORS = {"rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"}


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_aliases_lead_somewhere(alias: str) -> None:
    assert published(alias).tensors == published(ALIASES[alias]).tensors


def test_the_default_tag_and_capitals_do_not_matter() -> None:
    assert published("Qwen2.5:latest").tensors == published("qwen2.5:7b").tensors


def test_an_unknown_name_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"not in the catalogue.*--host"):
        published("nobody/knows:1b")


def test_what_cannot_be_drafted_is_refused() -> None:
    with pytest.raises(GgufError, match="cannot be told from numbers"):
        drafted("m", {"general.architecture": "mamba"}, 1000, "Q4_0", tied=False)


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [
        ("qwen2.5:7b", 4.68),
        ("qwen2.5:32b", 19.85),
        ("deepseek-coder-v2:16b", 8.91),
        ("llama3.1:8b", 4.92),
        ("gpt-oss:20b", 13.79),
    ],
)
def test_files_are_as_large_as_ollama_com_lists_them(name: str, gigabytes: float) -> None:
    assert (published(name).file_bytes or 0) / 1e9 == pytest.approx(gigabytes, rel=0.002)


@pytest.mark.shared
def test_drafts_equal_the_recorded_lists_of_tensors(shared_dir: Path) -> None:
    """Name, shape and type of every tensor; only factors that all layers share are left out."""
    checked = 0
    for line in (shared_dir / "ollama/golden/memory/models.jsonl").read_text().splitlines():
        model = json.loads(line)
        if model["name"] not in CATALOGUE:
            continue
        recorded = {
            (name, tuple(shape), kind) for name, shape, kind, _ in model["tensors"] if name not in SHARED_FACTORS
        }
        assert {(t.name, t.shape, t.storage.name) for t in published(model["name"]).tensors} == recorded, model["name"]
        checked += 1
    assert checked >= 15

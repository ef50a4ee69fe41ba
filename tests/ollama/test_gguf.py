"""Reading model files: every type and byte order, split files, and a clear word for everything that is wrong."""

from __future__ import annotations

import contextlib
import json
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.ollama.gguf import (
    STORAGE_TYPES,
    ArrayValue,
    GgufError,
    Limits,
    MemorySource,
    RangeSource,
    read_bytes,
    read_file,
    read_header,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CODES = {"u8": (0, "B"), "i8": (1, "b"), "u16": (2, "H"), "i16": (3, "h"), "u32": (4, "I"), "i32": (5, "i"),
         "f32": (6, "f"), "bool": (7, "?"), "u64": (10, "Q"), "i64": (11, "q"), "f64": (12, "d")}  # fmt: skip
ARCHITECTURE = ("general.architecture", "string", "llama")


def text(value: str, order: str) -> bytes:
    raw = value.encode()
    return struct.pack(order + "Q", len(raw)) + raw


def valued(kind: str, value: Any, order: str) -> bytes:
    if kind == "string":
        return struct.pack(order + "I", 8) + text(value, order)
    if kind.startswith("array:"):
        inner = kind.removeprefix("array:")
        body = b"".join(valued(inner, item, order)[4:] for item in value)
        code = 8 if inner == "string" else 9 if inner.startswith("array") else CODES[inner][0]
        return struct.pack(order + "IIQ", 9, code, len(value)) + body
    number, code_ = CODES[kind]
    return struct.pack(order + "I" + code_, number, value)


def gguf(
    keys: list[tuple[str, str, Any]], tensors: Sequence[tuple[str, tuple[int, ...], int, int]] = (), *,
    order: str = "<", version: int = 3,
) -> bytes:  # fmt: skip
    """A header as the specification describes it, written independently of the reader."""
    rows = tensors
    out = b"GGUF" + struct.pack(order + "IQQ", version, len(rows), len(keys))
    for key, kind, value in keys:
        out += text(key, order) + valued(kind, value, order)
    for name, shape, number, offset in rows:
        out += text(name, order) + struct.pack(order + "I", len(shape))
        out += b"".join(struct.pack(order + "Q", size) for size in shape) + struct.pack(order + "IQ", number, offset)
    return out


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [2, 3])
def test_every_metadata_type_in_both_byte_orders(order: str, version: int) -> None:
    keys: list[tuple[str, str, Any]] = [
        ("u8", "u8", 200), ("i8", "i8", -5), ("u16", "u16", 60000), ("i16", "i16", -30000), ("u32", "u32", 4 << 28),
        ("i32", "i32", -2), ("f32", "f32", 0.5), ("bool", "bool", True), ("u64", "u64", 1 << 60),
        ("i64", "i64", -(1 << 60)), ("f64", "f64", 0.1), ("text", "string", "größer"),
        ("heads", "array:u32", [4, 0, 4]),
        ("flags", "array:bool", [True, False]), ("names", "array:string", ["a", ""]),
    ]  # fmt: skip
    header = read_bytes(gguf([ARCHITECTURE, *keys], order=order, version=version))
    assert header.version == version
    assert header.byte_order == ("little" if order == "<" else "big")
    assert {key: header.metadata[key] for key, kind, _ in keys if "array" not in kind} == {
        key: value for key, kind, value in keys if "array" not in kind
    }
    assert header.metadata["heads"] == ArrayValue("u32", 3, (4, 0, 4))
    assert header.metadata["names"] == ArrayValue("string", 2, ("a", ""))


def test_tensors_have_shapes_types_and_sizes() -> None:
    rows = [("token_embd.weight", (256, 3), 12, 0), ("blk.0.attn_norm.weight", (5,), 0, 448)]
    header = read_bytes(gguf([ARCHITECTURE], rows))
    first, second = header.tensors
    assert (first.shape, first.storage.name, first.nbytes, first.elements) == ((256, 3), "Q4_K", 3 * 144, 768)
    assert (second.nbytes, header.tensor_bytes) == (20, 452)
    assert header.data_offset is not None
    assert header.data_offset % 32 == 0


def test_the_data_section_starts_on_the_alignment_that_the_file_gives() -> None:
    header = read_bytes(gguf([ARCHITECTURE, ("general.alignment", "u32", 4096)]))
    assert header.data_offset == 4096


@pytest.mark.parametrize("count", [0, 1, 64, 65, 5000])
def test_long_string_arrays_are_stepped_over_and_what_follows_is_read(count: int) -> None:
    keys = [
        ARCHITECTURE,
        ("tokens", "array:string", [f"token {number}" for number in range(count)]),
        ("after", "u8", 7),
    ]
    header = read_bytes(gguf(keys))
    tokens = header.metadata["tokens"]
    assert isinstance(tokens, ArrayValue)
    assert tokens.length == count
    assert (tokens.items is None) == (count > Limits().kept_strings)
    assert header.metadata["after"] == 7


def test_long_number_arrays_are_stepped_over() -> None:
    header = read_bytes(gguf([ARCHITECTURE, ("scores", "array:f32", [0.0] * 5000), ("after", "u8", 7)]))
    assert header.metadata["scores"] == ArrayValue("f32", 5000, None)
    assert header.metadata["after"] == 7


def test_ranges_fetch_a_little_and_never_more_than_asked() -> None:
    data = gguf([ARCHITECTURE, ("tokens", "array:string", ["x" * 50] * 3000)], [("t", (4,), 0, 0)])
    asked: list[tuple[int, int]] = []

    def fetch(first: int, length: int) -> bytes:
        asked.append((first, length))
        return data[first : first + length] + b"more than asked"

    header = read_header(RangeSource(fetch, len(data), window_bytes=4096), "remote")
    assert header.tensors[0].name == "t"
    assert all(first + length <= len(data) for first, length in asked)
    assert len(asked) < len(data) // 2048


def test_split_files_are_read_as_one(tmp_path: Path) -> None:
    for number in (1, 2):
        keys = [ARCHITECTURE, ("split.count", "u16", 2), ("split.tensors.count", "i32", 2)]
        data = gguf(keys if number == 1 else keys[1:], [(f"t{number}", (8,), 0, 0)])
        (tmp_path / f"m-0000{number}-of-00002.gguf").write_bytes(data)
    header = read_file(tmp_path / "m-00002-of-00002.gguf")
    first = read_file(tmp_path / "m-00001-of-00002.gguf")
    assert [tensor.name for tensor in first.tensors] == [tensor.name for tensor in header.tensors] == ["t1", "t2"]
    assert [tensor.part for tensor in first.tensors] == [0, 1]
    assert first.file_bytes == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    (tmp_path / "m-00001-of-00002.gguf").write_bytes(gguf([ARCHITECTURE, ("split.count", "u16", 2)]))
    with pytest.raises(GgufError, match=r"m-00002-of-00002\.gguf: cannot be read"):
        read_file(tmp_path / "m-00001-of-00002.gguf")


def test_a_part_under_another_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(gguf([ARCHITECTURE, ("split.count", "u16", 2)]))
    with pytest.raises(GgufError, match="its name is not like"):
        read_file(tmp_path / "model.gguf")


GOOD = gguf([ARCHITECTURE, ("a", "u32", 1)], [("t", (8,), 0, 0)])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "too early|are left"),
        (b"GGML" + GOOD[4:], "does not begin with"),
        (b"GGUF" + struct.pack("<I", 1) + GOOD[8:], "neither 2 nor 3"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 0), "tensors cannot be"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 63), "keys cannot be"),
        (GOOD[:-3], "are left"),
        (gguf([ARCHITECTURE, ARCHITECTURE]), "comes twice"),
        (gguf([ARCHITECTURE], [("t", (8,), 0, 0), ("t", (8,), 0, 32)]), "comes twice"),
        (gguf([ARCHITECTURE], [("t", (8,), 0, 0), ("u", (8,), 0, 0)]), "lies on another"),
        (gguf([ARCHITECTURE], [("t", (8,), 0, 7)]), "off the grid"),
        (gguf([ARCHITECTURE], [("t", (8,), 5, 0)]), "unknown type 5"),
        (gguf([ARCHITECTURE], [("t", (100,), 12, 0)]), "no multiple of 256"),
        (gguf([ARCHITECTURE], [("t", (1, 1, 1, 1, 1), 0, 0)]), "5 dimensions"),
        (gguf([ARCHITECTURE], [("t", (1 << 40, 1 << 40), 0, 0)]), "larger than any memory"),
        (gguf([ARCHITECTURE, ("general.alignment", "u32", 24)]), "not a power of two"),
        (GOOD.replace(b"llama", b"ll\xffma"), "not UTF-8"),
        (gguf([("deep", "array:array:array:u8", [[[1]]])]), "nested too deeply"),
    ],
)
def test_hostile_input_gets_one_clear_sentence(data: bytes, says: str) -> None:
    with pytest.raises(GgufError, match=says) as caught:
        read_bytes(data, "m.gguf")
    assert str(caught.value).startswith("m.gguf: ")
    assert "\n" not in str(caught.value)


def test_an_unknown_metadata_type_is_named() -> None:
    data = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("key", "<") + struct.pack("<I", 77) + bytes(16)
    with pytest.raises(GgufError, match="metadata type 77 is unknown"):
        read_bytes(data)


def test_an_endless_string_in_a_long_array_is_refused_at_once() -> None:
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("tokens", "<") + struct.pack("<IIQ", 9, 8, 100)
    data = head + struct.pack("<Q", (1 << 64) - 1) + bytes(1000)
    with pytest.raises(GgufError, match="longer than"):
        read_bytes(data)


def test_no_architecture_is_said_when_it_is_needed() -> None:
    with pytest.raises(GgufError, match=r"no general\.architecture"):
        _ = read_bytes(gguf([("a", "u8", 1)])).architecture


@given(st.binary(max_size=400))
def test_noise_after_the_magic_is_refused_or_read(noise: bytes) -> None:
    _read_or_refuse(b"GGUF" + noise)


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_header_is_refused_or_read(data: st.DataObject) -> None:
    """Bytes changed, cut off or repeated: a GgufError or a header, nothing else, and quickly."""
    good = bytearray(
        gguf(
            [ARCHITECTURE, ("heads", "array:u32", [1, 2]), ("tokens", "array:string", ["a"] * 80)],
            [("t", (256, 2), 12, 0), ("u", (3,), 0, 288)],
        )
    )
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(good) - 1))
        good[place] = data.draw(st.sampled_from([0, 1, 2, 8, 9, 12, 127, 128, 255]))
    cut = data.draw(st.integers(0, len(good)))
    _read_or_refuse(bytes(good[:cut]) if data.draw(st.booleans()) else bytes(good))


def _read_or_refuse(data: bytes) -> None:
    with contextlib.suppress(GgufError):
        assert read_header(MemorySource(data), "fuzz").tensor_bytes >= 0


numbers = st.one_of(
    st.tuples(st.just("u32"), st.integers(0, (1 << 32) - 1)),
    st.tuples(st.just("i64"), st.integers(-(1 << 63), (1 << 63) - 1)),
    st.tuples(st.just("f64"), st.floats(allow_nan=False)),
    st.tuples(st.just("bool"), st.booleans()),
    st.tuples(st.just("string"), st.text(max_size=40)),
    st.tuples(st.just("array:i32"), st.lists(st.integers(-(1 << 31), (1 << 31) - 1), max_size=10)),
)


@given(
    st.dictionaries(st.text(min_size=1, max_size=20), numbers, max_size=6),
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from(sorted(STORAGE_TYPES))), max_size=5),
    st.sampled_from("<>"),
)
def test_what_is_written_is_read(keys: dict[str, tuple[str, Any]], shapes: list[tuple[int, int]], order: str) -> None:
    keys.pop("general.alignment", None)
    tensors, offset = [], 0
    for place, (rows, number) in enumerate(shapes):
        storage = STORAGE_TYPES[number]
        tensors.append((f"t{place}", (storage.block_elements, rows), number, offset))
        offset += -(-storage.block_bytes * rows // 32) * 32
    header = read_bytes(gguf([(key, kind, value) for key, (kind, value) in keys.items()], tensors, order=order))
    assert [tensor.shape for tensor in header.tensors] == [shape for _, shape, _, _ in tensors]
    for key, (kind, value) in keys.items():
        read = header.metadata[key]
        assert (list(read.items or ()) if isinstance(read, ArrayValue) else read) == value, kind


@pytest.mark.shared
def test_the_recorded_headers_are_read_to_the_byte(shared_dir: Path) -> None:
    """Second witness: headers and their lists of tensors, made by other programs."""
    folder = shared_dir / "ollama/golden/memory"
    for line in (folder / "models.jsonl").read_text().splitlines():
        model = json.loads(line)
        header = read_file(folder / "headers" / (model["name"].replace(":", "_") + ".gguf"))
        read = {(tensor.name, tensor.shape, tensor.storage.name, tensor.nbytes) for tensor in header.tensors}
        assert read == {(name, tuple(shape), kind, size) for name, shape, kind, size in model["tensors"]}
        assert header.tensor_bytes == model["tensor_bytes"]
        for key, value in model["metadata"].items():
            mine = header.metadata[key]
            assert (list(mine.items or ()) if isinstance(mine, ArrayValue) else mine) == pytest.approx(value)

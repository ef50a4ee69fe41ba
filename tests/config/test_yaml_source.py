from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from toolkit.config.yaml_source import MAX_FILE_BYTES, SourceError, decode_source, read_source


@pytest.mark.parametrize(
    ("data", "line", "why"),
    [
        ("a: 1\n".encode("utf-16"), 1, "UTF-16; save it as UTF-8"),
        ("a: 1\nb: 2\n".encode("utf-16-le"), 1, "looks like UTF-16"),
        ("a: 1\nb: 2\n".encode("utf-16-be"), 1, "looks like UTF-16"),
        (codecs.BOM_UTF32_LE + "a: 1\n".encode("utf-32-le"), 1, "UTF-32"),
        ("a: 1\nb: caf\xe9\n".encode("latin-1"), 2, "0xe9 is not UTF-8 (in Latin-1 it would be 'é')"),
        (b"a: 1\r\nb: 2\r\nc: \x80\r\n", 3, "0x80 is not UTF-8; save"),
        (b"GGUF\x03\x00\x00\x00rest of a model", 1, "binary file"),
        (b"a: 1\n\x1f\x8b\x08\x00", 2, "0x1f does not occur in text"),
        (b"a: \x1b[31mred", 1, "0x1b"),
        ("a: 1\nb: \ufffe\n".encode(), 2, "U+FFFE may not stand in YAML"),
        ("a: \x80\n".encode(), 1, "U+0080 may not stand"),
    ],
)
def test_what_is_not_utf8_text_is_named_with_its_line(data: bytes, line: int, why: str) -> None:
    with pytest.raises(SourceError) as caught:
        decode_source(data)
    assert caught.value.problem.line == line
    assert why in caught.value.problem.text


def test_a_byte_order_mark_and_any_language_are_fine() -> None:
    assert decode_source(codecs.BOM_UTF8 + "a: düsseldorf 東京 🙂\n".encode()) == "a: düsseldorf 東京 🙂\n"
    assert decode_source(b"") == ""


def test_missing_files_and_directories(tmp_path: Path) -> None:
    for path, why in (
        (tmp_path / "no.yaml", "no such file"),
        (tmp_path, "directory"),
        (Path("a\0b"), "cannot be read"),
    ):
        with pytest.raises(SourceError, match=why) as caught:
            read_source(path)
        assert caught.value.problem.line == 1


def test_a_file_of_gigabytes_is_not_read_to_its_end(tmp_path: Path) -> None:
    huge = tmp_path / "model.gguf"
    with huge.open("wb") as file:
        file.truncate(1 << 32)  # sparse
    with pytest.raises(SourceError, match=f"larger than {MAX_FILE_BYTES >> 20} MiB"):
        read_source(huge)

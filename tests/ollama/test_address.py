"""Base URLs as people write them."""

from __future__ import annotations

import base64

import pytest

from toolkit.errors import UsageError
from toolkit.ollama.address import parse_address


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("http://192.0.2.14:11434", "http://192.0.2.14:11434"),
        ("http://192.0.2.14:11434/", "http://192.0.2.14:11434"),
        ("http://gpu-a", "http://gpu-a"),
        ("https://gpu-a:8443/ollama/", "https://gpu-a:8443/ollama"),
        ("gpu-a", "http://gpu-a:11434"),
        ("gpu-a:8080", "http://gpu-a:8080"),
        ("  HTTP://GPU-A:11434 ", "http://gpu-a:11434"),
        ("http://[2001:db8::1]:11434", "http://[2001:db8::1]:11434"),
        ("[::1]:11434", "http://[::1]:11434"),
    ],
)
def test_what_is_understood_without_a_word(written: str, url: str) -> None:
    address = parse_address(written)
    assert (address.url, address.notes, address.authorization) == (url, (), None)


@pytest.mark.parametrize(
    ("written", "url", "about"),
    [
        ("http://192.0.2.14:11434/v1", "http://192.0.2.14:11434", "/v1"),
        ("http://192.0.2.14:11434/v1/", "http://192.0.2.14:11434", "/v1"),
        ("https://gpu-a/ollama/v1", "https://gpu-a/ollama", "/v1"),
        ("http://gpu-a:11434/api", "http://gpu-a:11434", "/api"),
        ("0.0.0.0", "http://127.0.0.1:11434", "0.0.0.0"),  # noqa: S104 - read, not bound to
        ("http://0.0.0.0:11500", "http://127.0.0.1:11500", "0.0.0.0"),  # noqa: S104 - read, not bound to
        ("http://[::]:11434", "http://[::1]:11434", "::"),
    ],
)
def test_what_is_understood_differently_is_said_in_one_sentence(written: str, url: str, about: str) -> None:
    address = parse_address(written)
    assert address.url == url
    assert len(address.notes) == 1
    assert about in address.notes[0]
    assert "\n" not in address.notes[0]


def test_v1_inside_a_path_is_left_alone() -> None:
    assert parse_address("http://gpu-a/v1/ollama").url == "http://gpu-a/v1/ollama"
    assert parse_address("http://gpu-a/xv1").url == "http://gpu-a/xv1"


def test_credentials_become_a_header_and_are_shown_nowhere() -> None:
    address = parse_address("https://me:s%3Acret@gpu-a", "box")
    assert address.url == "https://gpu-a"
    assert address.authorization == "Basic " + base64.b64encode(b"me:s:cret").decode()
    assert "cret" not in repr(address)
    assert address.prefix == "host box: "


@pytest.mark.parametrize(
    "written",
    [
        "", "http://", "ftp://gpu-a", "http://gpu-a:port", "http://gpu-a:99999", "http://gpu a", "http://gpu-a/?x=1",
        "http://gpu-a/#top", "http://me:secret@", "unix:///run/ollama.sock", "http://[::1", "http://gpu\x07a",
    ],
)  # fmt: skip
def test_what_is_no_address_is_a_usage_error_with_an_example(written: str) -> None:
    with pytest.raises(UsageError, match=r"is not a base URL: .+; write http://HOST:PORT") as caught:
        parse_address(written)
    assert "secret" not in str(caught.value)
    assert str(caught.value).isprintable()

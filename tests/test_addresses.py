"""The guard that keeps tests from talking to the world, and what it lets through when a host was asked for."""

from __future__ import annotations

import pytest

from tests.addresses import LIVE_HOST, AskedHost, asked_host, may_connect

ASKED = AskedHost("http://192.0.2.7:11434")
NAMES = frozenset({"192.0.2.7"})


@pytest.mark.parametrize(
    ("address", "passes"),
    [
        (("127.0.0.1", 80), True),
        (("::1", 80, 0, 0), True),
        ("/tmp/socket", True),  # noqa: S108 - a path like any other
        (("192.0.2.7", 11434), True),
        (("192.0.2.7",), True),
        (("192.0.2.7", 22), False),
        (("192.0.2.8", 11434), False),
        (("example.com",), False),
    ],
)
def test_exactly_the_asked_host_passes(address: object, passes: bool) -> None:
    assert may_connect(address, ASKED, NAMES) is passes


def test_without_a_host_nothing_but_this_machine_passes() -> None:
    assert not may_connect(("192.0.2.7", 11434), None, frozenset())
    assert asked_host({}) is None
    assert asked_host({LIVE_HOST: ""}) is None


def test_the_host_is_read_as_the_toolkit_reads_addresses() -> None:
    asked = asked_host({LIVE_HOST: "192.0.2.7"})
    assert asked is not None
    assert (asked.host, asked.port, asked.url) == ("192.0.2.7", 11434, "http://192.0.2.7:11434")
    with_v1 = asked_host({LIVE_HOST: "http://my-host:9999/v1"})
    assert with_v1 is not None
    assert (with_v1.host, with_v1.port, with_v1.url) == ("my-host", 9999, "http://my-host:9999")

"""The histogram of our own against the library's: the same page, but for the moments of creation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from toolkit.gateway.distribution import Distribution

BUCKETS = (0.01, 0.5, 1, 4)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(BUCKETS) | st.floats(-1, 1e6))))
def test_the_page_is_that_of_the_library(observed: list[tuple[str, float]]) -> None:
    own, others = CollectorRegistry(), CollectorRegistry()
    ours = Distribution(own, "wait_seconds", "How long.", ("host",), BUCKETS)
    theirs = Histogram("wait_seconds", "How long.", ("host",), buckets=BUCKETS, registry=others)
    for host, amount in observed:
        ours.observe((host,), amount)
        theirs.labels(host).observe(amount)
    wanted = [line for line in generate_latest(others).splitlines() if b"_created" not in line]
    assert generate_latest(own).splitlines() == wanted

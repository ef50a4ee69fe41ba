"""Looks at `/api/ps` become spans."""

from __future__ import annotations

from toolkit.ollama.types import ModelDetails, RunningModel
from toolkit.replay.residency import ResidencyWatch

DETAILS = ModelDetails("gguf", "llama", (), "7B", "Q4_0")


def row(name: str, context: int = 4096) -> RunningModel:
    """A model of 10 bytes."""
    return RunningModel(name, "d", 10, 8, None, context, DETAILS)


def test_a_model_is_there_from_the_look_that_shows_it_to_the_one_that_does_not() -> None:
    watch = ResidencyWatch()
    for now_ns, rows in [(0, []), (5, [row("a")]), (7, [row("a"), row("b")]), (9, [row("b")])]:
        watch.look(now_ns, rows)
    a, b = watch.spans()
    assert (a.model, a.ready_ns, a.gone_ns) == ("a", 5, 9)
    assert (b.model, b.ready_ns, b.gone_ns) == ("b", 7, None)


def test_another_context_is_another_span() -> None:
    watch = ResidencyWatch()
    watch.look(0, [row("a", 4096)])
    watch.look(5, [row("a", 8192)])
    assert [(span.load_start_ns, span.gone_ns) for span in watch.spans()] == [(0, 5), (5, None)]

"""Boxes of limited size, and who waits when they are full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.host.scheduler import GpuSpec
from toolkit.host.scheduler.mailboxes import Notice, NoticeBox, SignalBox

if TYPE_CHECKING:
    from collections.abc import Callable

GIB = 1 << 30
CUDA = GpuSpec("GPU-0", "CUDA", 24 * GIB)


def test_a_full_notice_box_keeps_the_poster_waiting(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.load("r1", "a")
    runner = bench.scheduler.runners()[0].runner
    box = NoticeBox(1)
    assert box.post(Notice(runner, "1"), receiver_idle=False)
    assert not box.post(Notice(runner, "2"), receiver_idle=False)
    assert [box.take()[0].reason, len(box)] == ["1", 1]
    assert box.take()[0].reason == "2"
    assert NoticeBox(0).post(Notice(runner, "3"), receiver_idle=True)
    assert not SignalBox(0).has_room(receiver_idle=False)

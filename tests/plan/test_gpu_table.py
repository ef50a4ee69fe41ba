"""GPUs with prices, and the hosts and costs that follow from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.config.models import Config
from toolkit.errors import InputError
from toolkit.fit.gpus import gpu_of
from toolkit.plan.cost import cost_of
from toolkit.plan.gpu_table import card_of, costs_of, find, load_table, options_of
from toolkit.plan.tally import Tally

if TYPE_CHECKING:
    from pathlib import Path

TABLE = load_table(None)
MINE = Config().twin.gpus[0]


def test_the_bundled_table_agrees_with_the_toolkits_own_list_of_gpus() -> None:
    """Memory and bandwidth are stated twice, by two tables of one toolkit."""
    for one in TABLE.gpus:
        known = gpu_of(one.gpu.name)
        if one.gpu.memory_bytes == known.total_bytes:
            assert one.gpu.bandwidth_bytes_per_s == known.bytes_per_s, one.gpu.name
        assert one.source
        assert one.idle_w < one.busy_w


def test_hosts_come_cheapest_first_with_one_or_two_of_each() -> None:
    options = options_of(TABLE, MINE)
    assert len(options) == 2 * len(TABLE.gpus)
    prices = [one.costs.fixed_per_h for one in options]
    assert prices == sorted(prices)


def test_speeds_are_scaled_from_the_card_that_they_are_given_for() -> None:
    mine, slower = find(TABLE, "nvidia rtx4090"), find(TABLE, "RTX 3090")
    assert mine is not None
    assert slower is not None
    same = card_of(TABLE, mine, MINE)
    assert (same.prefill_ratio, same.decode_ratio) == (1.0, 1.0)
    card = card_of(TABLE, slower, MINE)
    assert card.decode_ratio == pytest.approx(936 / 1008)
    assert card.prefill_ratio == pytest.approx(142 / 330)


def test_costs_by_hand(tmp_path: Path) -> None:
    """876 for 0.1 years is 1 an hour; half at work between 100 and 300 W is 200 W, at 0.5 a kWh 0.1 an hour."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        "as_of: today\nyears: 0.1\nelectricity_per_kwh: 0.5\nmachine: {price: 376, idle: 60W, busy: 60W}\n"
        "gpus:\n"
        "  - {name: RTX 3090, memory: 24GiB, bandwidth: 936GB/s, watts: 240W, idle: 40W, price: 500, source: shop}\n",
        encoding="utf-8",
    )
    table = load_table(path)
    costs = costs_of(table, table.gpus[0], 1)
    hour = 3600 * 10**9
    cost = cost_of(costs, [Tally(100, (), (), hour, hour, (hour // 2,), 0, 0, 1)])
    assert cost is not None
    assert cost.busy_share == 0.5
    assert cost.energy_wh == pytest.approx(200 * 10)
    assert cost.money == pytest.approx(1.1 * 10)
    assert cost_of(costs, []) is None


def test_a_mistake_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "as_of: today\ngpus:\n  - {name: X, memory: 24GiB, watts: 240W, idle: 40W, source: shop}\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match=r"mine.yaml:3: .*price"):
        load_table(path)

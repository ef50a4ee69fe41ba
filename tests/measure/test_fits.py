"""Fits find the constants that made the data, outliers and all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from toolkit.host.virtual import Cores
from toolkit.measure.activity import Activity, Span
from toolkit.measure.background import steps_of
from toolkit.measure.fit_loads import LOOK_PERIOD_S, LoadSeen, StopSeen, fit_loads, fit_stops
from toolkit.measure.fit_services import Observed, fit_services
from toolkit.measure.robust import fit_times

S = 1_000_000_000
GB = 10**9


def test_times_are_split_into_their_terms_in_spite_of_outliers() -> None:
    rng = np.random.default_rng(1)
    tokens = rng.integers(20, 700, 60).astype(float)
    times = (0.02 + 0.003 * tokens) * np.exp(rng.normal(0, 0.05, 60))
    times[::10] *= 4
    fit = fit_times(np.column_stack([np.ones(60), tokens]), times, np.ones(60), rng)
    assert fit.terms[1].estimate == pytest.approx(0.003, rel=0.05)
    assert fit.terms[1].low <= 0.003 <= fit.terms[1].high
    assert fit.spread == pytest.approx(0.05, rel=0.5)
    assert sum(abs(fit.residuals) > 1) == 6


def test_a_term_that_explains_nothing_is_zero_and_never_negative() -> None:
    tokens = np.arange(1.0, 40.0)
    fit = fit_times(np.column_stack([np.ones(39), tokens]), 2 * tokens, np.ones(39), None)
    assert fit.terms[0].estimate == pytest.approx(0, abs=1e-9)
    assert fit.terms[1].estimate == pytest.approx(2)


def loads(cached_speed: float, disk_speed: float, start_s: float) -> list[LoadSeen]:
    rng = np.random.default_rng(2)
    rows = []
    for size in (5 * 10**7, 2 * 10**8, 5 * 10**8, 10**9, 2 * 10**9) * 12:
        for cached in (True, False):
            speed = cached_speed if cached else disk_speed
            raw_s = (start_s + size / speed + 10**8 / cached_speed) * math.exp(rng.normal(0, 0.06))
            looks = max(1, math.ceil(raw_s / LOOK_PERIOD_S))
            rows.append(LoadSeen(size, 10**8, cached, round((looks * LOOK_PERIOD_S + 0.004) * S)))
    return rows


def test_speeds_are_found_through_the_looks_of_250_ms() -> None:
    """Quarters of a second are all that is seen of loads of half a second; the speeds come out within a few percent."""
    fit = fit_loads(loads(1.5e9, 0.6e9, 0.15), np.random.default_rng(3))
    assert fit is not None
    assert fit.cached_bytes_per_s is not None
    assert fit.disk_bytes_per_s is not None
    assert fit.cached_bytes_per_s.estimate == pytest.approx(1.5e9, rel=0.06)
    assert fit.disk_bytes_per_s.estimate == pytest.approx(0.6e9, rel=0.06)
    assert fit.start_s.estimate == pytest.approx(0.15, abs=0.06)
    assert fit.spread == pytest.approx(0.06, rel=0.5)


def test_too_few_loads_are_no_fit_and_an_unseen_source_has_no_speed() -> None:
    rows = loads(1.5e9, 0.6e9, 0.15)
    assert fit_loads(rows[:4], np.random.default_rng(3)) is None
    fit = fit_loads([row for row in rows if row.cached], np.random.default_rng(3))
    assert fit is not None
    assert fit.disk_bytes_per_s is None


def test_stops_are_a_line_whatever_a_few_of_them_do() -> None:
    rows = [StopSeen(size, round(5e6 + 0.1 * size)) for size in range(0, 2 * GB, GB // 10)]
    rows[3] = StopSeen(rows[3].host_bytes, 9 * S)
    fit = fit_stops(rows)
    assert fit is not None
    assert fit.s_per_byte.estimate == pytest.approx(1e-10, rel=0.02)
    assert fit.stop_s.estimate == pytest.approx(0.005, rel=0.1)
    assert fit_stops(rows[:3]) is None
    assert fit_stops([StopSeen(GB, S)] * 9) is None


def crowded(count: float) -> tuple[list[Observed], Activity]:
    """Pairs of answers, alone and together with another, on a host of so many cores; 4 ms a token, steps of 20 ms."""
    rng = np.random.default_rng(4)
    rows, spans = [], []
    for place in range(60):
        begin = place * 100 * S
        prompt = int(rng.integers(20, 700))
        together = place % 2
        slower = 2 / min(2, count) if together else 1.0
        read = begin + round((0.05 + 0.004 * prompt) * slower * S * math.exp(rng.normal(0, 0.03)))
        end = read + round(10 * 0.02 * slower * S)
        rows.append(Observed(place, "m", prompt, 10, begin, read, end))
        spans += [Span(begin, end, 1.0)] * (1 + together)
    return rows, Activity(spans)


def test_cores_are_those_that_explain_who_was_slowed_down() -> None:
    rows, activity = crowded(1)
    fit = fit_services(rows, activity, (), {"m": GB}, np.random.default_rng(5))
    assert fit.cores is not None
    assert fit.cores.count == 1
    reading, writing = fit.models["m"].reading, fit.models["m"].writing
    assert reading.terms[1].estimate == pytest.approx(0.004, rel=0.05)
    assert writing is not None
    assert writing.terms[0].estimate == pytest.approx(0.02, rel=0.05)


def test_where_nobody_was_slowed_down_there_are_as_many_cores_as_were_ever_wanted() -> None:
    rows, activity = crowded(2)
    fit = fit_services(rows, activity, (), {"m": GB}, np.random.default_rng(5))
    assert fit.cores is not None
    assert fit.cores.count == 2


def test_answers_that_were_never_together_do_not_tell_the_cores() -> None:
    rows, _ = crowded(2)
    alone = Activity([Span(row.begin_ns, row.end_ns, 1.0) for row in rows])
    assert fit_services(rows, alone, (), {"m": GB}, np.random.default_rng(5)).cores is None


def test_a_model_with_few_answers_borrows_from_the_nearest_in_size() -> None:
    rows, activity = crowded(2)
    fit = fit_services(rows, activity, (), {"m": GB, "unseen": 2 * GB}, np.random.default_rng(5))
    assert fit.models["unseen"].borrowed
    own, theirs = fit.models["m"].reading.terms[1], fit.models["unseen"].reading.terms[1]
    assert theirs.estimate == pytest.approx(2 * own.estimate)


def test_work_is_what_was_left_after_sharing() -> None:
    activity = Activity([Span(0, 10 * S, 1.0), Span(5 * S, 10 * S, 1.0)])
    begin, end = np.array([0.0]), np.array([10.0 * S])
    assert activity.work_ns(Cores(1), begin, end)[0] == pytest.approx(7.5 * S)
    assert activity.work_ns(Cores(2), begin, end)[0] == pytest.approx(10 * S)
    assert activity.mean_threads(0, 10 * S) == pytest.approx(1.5)


def test_other_programs_are_read_off_the_load_average() -> None:
    """Two threads for five minutes, as the kernel smooths them, beside a host that does nothing itself."""
    average, readings = 2.0, []
    for second in range(0, 600, 5):
        running = 2.0 if second < 300 else 0.0
        average = running + (average - running) * math.exp(-5 / 60)
        readings.append((second * S, round(average, 2)))
    steps = steps_of(readings, Activity([Span(0, 1, 0.0)]))
    assert [threads for _, threads in steps] == [2.0, 0.0]
    assert steps[1][0] == pytest.approx(300 * S, abs=20 * S)


def test_no_readings_are_no_programs() -> None:
    assert steps_of([], Activity([])) == ()

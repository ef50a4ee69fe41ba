"""Which prompts came out of the prefix cache, told from the counters; numbers in tokens and nanoseconds."""

from __future__ import annotations

from toolkit.replay.prefix_cache import PrefillSpeeds

MS = 1_000_000


def test_a_prompt_read_at_an_impossible_speed_was_cached() -> None:
    speeds = PrefillSpeeds()
    assert speeds.is_cached(1000, 500 * MS, after_load=True) is False  # 2 tokens a ms, known
    assert speeds.is_cached(1000, 480 * MS, after_load=False) is False
    assert speeds.is_cached(1000, 40 * MS, after_load=False) is True
    assert speeds.is_cached(1000, None, after_load=False) is True


def test_nothing_is_said_without_a_known_speed_or_about_a_few_tokens() -> None:
    speeds = PrefillSpeeds()
    assert speeds.is_cached(1000, MS, after_load=False) is None
    assert speeds.is_cached(1000, 500 * MS, after_load=True) is False
    assert speeds.is_cached(31, 1, after_load=False) is None
    assert speeds.is_cached(None, MS, after_load=False) is None


def test_short_prompts_say_nothing_about_long_ones() -> None:
    """40 tokens take 30 ms for their fixed cost alone; 2,000 at full speed are no cache hit."""
    speeds = PrefillSpeeds()
    speeds.is_cached(40, 30 * MS, after_load=True)
    assert speeds.is_cached(2000, 500 * MS, after_load=False) is None
    speeds.is_cached(1500, 400 * MS, after_load=True)
    assert speeds.is_cached(2000, 500 * MS, after_load=False) is False


def test_what_was_judged_not_cached_teaches_and_what_was_cached_does_not() -> None:
    speeds = PrefillSpeeds()
    speeds.is_cached(1000, 1000 * MS, after_load=True)
    assert speeds.is_cached(1000, 400 * MS, after_load=False) is False
    assert speeds.is_cached(1000, 150 * MS, after_load=False) is False
    assert speeds.is_cached(1000, 10 * MS, after_load=False) is True
    assert speeds.is_cached(1000, 30 * MS, after_load=False) is True

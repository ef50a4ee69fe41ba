"""Finds out what is wrong with a host, by reading.

    collect ──► Evidence ──► CHECKS (pure, one small class each) ──► Results ──► text or JSON

Nothing is loaded, unloaded or reloaded unless a probe is asked for.
"""

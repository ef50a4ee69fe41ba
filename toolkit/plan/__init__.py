"""Capacity questions answered with numbers, on the twin: which load, which host, which settings, what more brings."""

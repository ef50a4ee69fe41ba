"""Disciplines: who of those who wait goes next? Pure; the lab and the gateway share them.

Near saturation this matters more than who is evicted: a batch of requests for one model costs one load instead of
many. Whatever a discipline gains it takes from somebody's place in the queue, so each has a bound on that and says
what it is.
"""

"""Eviction policies: which model leaves when another one needs its room. Pure, one module each, each citing its source.

A policy is told what happens (`hit`, `missed`, `loaded`, `gone`) and asked one question: who leaves next? Whoever
drives it (the lab without a clock, the queue in virtual time, a client that steers a server) knows about room, busy
models and time; the policy knows about worth. See `base.Policy` for the contract.
"""

"""Steering: a policy made real on an unmodified Ollama server, by what a client may send and nothing else.

Three ways: unload calls before a load (`by_unloads`), durations whose order is the policy's order, so that the server's
own rule picks the policy's victim (`by_keep_alive`), and both, with preloads while nobody waits (`by_both`). All of
them see the server through `following`, which also knows when a keep_alive may do harm.
"""

"""Prompts in, answers out: the router, the cache manager and the client of a host as one object for programs."""

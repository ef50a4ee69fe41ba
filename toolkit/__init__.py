"""Benchmark and plan hosts that serve several models with Ollama."""

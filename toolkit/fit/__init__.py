"""How much memory a model takes: what the engine allocates, what Ollama predicts, and which models fit together."""

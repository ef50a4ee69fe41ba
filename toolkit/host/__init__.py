"""The twin: a simulation of an Ollama host that takes the same decisions as the real one."""

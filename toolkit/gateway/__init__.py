"""One address in front of Ollama hosts: routing, order, keys, statistics. `toolkit.gateway.app` puts it together."""

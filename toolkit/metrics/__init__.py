"""What is measured about a run: one small declarative object a metric, and the tuple of them all. Pure."""

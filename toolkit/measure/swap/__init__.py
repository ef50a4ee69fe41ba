"""The swap matrix: every change of model on a host, measured, split into its parts, and judged."""

"""The gate: is the new measurement worse than the base? Sides, like with like, a verdict, its renderings."""

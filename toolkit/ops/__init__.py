"""Operating a real host: what is wrong with it, and what it should have."""

"""Cache strategies: what a client can do about which models stay in memory. Pure."""

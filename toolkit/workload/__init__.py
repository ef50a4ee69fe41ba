"""Which requests a run makes, and when: scenarios, arrivals, traces."""

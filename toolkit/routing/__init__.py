"""Which model a prompt goes to, and why."""

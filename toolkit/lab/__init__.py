"""The strategy lab: policies alone without a clock, and policies and disciplines together in a queue."""

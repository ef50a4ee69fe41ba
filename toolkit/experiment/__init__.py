"""A comparison from end to end: what the user asked for → plans → runs → ceiling → one summary to render."""

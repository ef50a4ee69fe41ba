"""The configuration: models, durations, sizes, loading with messages that name file and line."""

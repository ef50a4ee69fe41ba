"""What is installed on the twin: names, manifests, blobs, and what can be said about a model without running it."""

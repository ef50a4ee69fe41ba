"""The page at `/`: what the gateway does now, and a box to talk to it. Files without a build step, and their data."""

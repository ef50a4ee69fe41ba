"""Plays a plan against a host, real or twin, and keeps one record a request."""

"""Notifier: the only gate for every contact."""

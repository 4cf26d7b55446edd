"""Stager: which collection stage, what next, and why."""

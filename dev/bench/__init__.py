"""Benchmarks: each path of the product beside the bare loop of the same machine, in one run."""

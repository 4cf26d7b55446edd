"""Counters of the flow, for `/metrics`."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

RECORDS_IN = Counter("tact_records_in", "Records read", ["service", "topic"])
RECORDS_OUT = Counter("tact_records_out", "Records published", ["service"])
DEAD_LETTERS = Counter("tact_dead_letters", "Records put aside", ["service", "topic"])
GAPS = Gauge("tact_gap", "1 while a position is missing", ["service", "topic", "partition"])
REPUBLISHED = Counter("tact_republished", "Batches published again after a failure", ["service"])

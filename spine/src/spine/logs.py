"""Structured logs: one JSON object a line on standard error, no personal data."""

from __future__ import annotations

import logging
import sys

import structlog


def set_up_logs(service: str, level: str = "INFO") -> None:
    """Called once per process, before anything is logged."""
    number = logging.getLevelNamesMapping().get(level, logging.INFO)
    logging.basicConfig(stream=sys.stderr, level=max(number, logging.WARNING), format="%(message)s")
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)

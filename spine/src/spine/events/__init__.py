"""Every event of Tact: importing this package registers them all."""

from spine.events import (
    agreements,
    contact_log,
    corebanking,
    deadletters,
    gateways,
    ledger,
    notifier,
    parties,
    payments,
    replies,
    stager,
    tasks,
)
from spine.events.registry import Event, convert, decode, encode, event_class, events_of

__all__ = [
    "Event",
    "agreements",
    "contact_log",
    "convert",
    "corebanking",
    "deadletters",
    "decode",
    "encode",
    "event_class",
    "events_of",
    "gateways",
    "ledger",
    "notifier",
    "parties",
    "payments",
    "replies",
    "stager",
    "tasks",
]

"""Records a service could not process: told on its own topic so that contact stops until someone looks."""

from __future__ import annotations

from spine.events.registry import Event, event

_OWNED_TOPICS = ("ledger.v1", "stager.v1", "contact-log.v1")


class DeadLetterOpened(Event, frozen=True, kw_only=True):
    """A record was put aside.

    Holds the loan; without `loan_id` all loans of the borrower; without both the whole partition.
    """

    dead_letter_id: str
    consumer: str
    topic: str
    partition: int
    offset: int
    code: str
    borrower_id: str | None = None
    loan_id: str | None = None


class DeadLetterResolved(Event, frozen=True, kw_only=True):
    """Someone resolved a dead letter; what it held is released."""

    dead_letter_id: str
    consumer: str
    partition: int
    resolution: str
    borrower_id: str | None = None
    loan_id: str | None = None


def _register(topic: str) -> None:
    prefix = topic.partition(".")[0]
    for parent, type_ in (
        (DeadLetterOpened, "dead_letter.opened.v1"),
        (DeadLetterResolved, "dead_letter.resolved.v1"),
    ):
        name = f"{prefix.title().replace('-', '')}{parent.__name__}"
        event(topic, type_)(type(name, (parent,), {"__doc__": parent.__doc__}, frozen=True, kw_only=True))


for _topic in _OWNED_TOPICS:
    _register(_topic)

"""What comes to the REST door becomes the same typed events that the consumer hands on."""

from __future__ import annotations

import msgspec

from ledger.books import Answer, Outcome
from ledger.contract import facts_of, repayment_of, resolved_terms
from ledger.policy import House
from spine.envelope import Envelope, parse_structured
from spine.errors import BadSchema
from spine.events.corebanking import COREBANKING, LoanContract
from spine.events.payments import RepaymentPosted
from spine.service import Received
from spine.topics import partition_of

#: Records that came over REST have no place in a topic.
NO_OFFSET = -1

#: Envelope, data, borrower and loan of an event that has no type here.
Named = tuple[Envelope, bytes, str | None, str | None]

_STATUS = {Outcome.ACCEPTED: 201, Outcome.PARKED: 201, Outcome.KNOWN: 200}


def read_event(line: bytes, house: House, partitions: int) -> Received:
    """The event in one structured CloudEvent. Raises EventRefused, saying which field is wrong and why."""
    structured = parse_structured(line)
    envelope = structured.envelope
    for name, value in (("id", envelope.id), ("source", envelope.source)):
        if "\x00" in value:
            raise BadSchema(f"{name}: a NUL is not allowed", field=name)
    event = structured.event(COREBANKING)
    if isinstance(event, LoanContract):
        facts_of(event, resolved_terms(event, house), house.calendars)
    elif isinstance(event, RepaymentPosted):
        repayment_of(event)
    partition = partition_of(event.key or "", partitions)
    return Received(COREBANKING, partition, NO_OFFSET, envelope, event, structured.data)


def named_by(line: bytes) -> Named:
    """Envelope, data, borrower and loan of an event whose type is not known. Raises EventRefused."""
    structured = parse_structured(line)
    try:
        data = msgspec.json.decode(structured.data)
    except msgspec.DecodeError:
        data = None
    named = data if isinstance(data, dict) else {}
    borrower_id, loan_id = (_name(named.get(field)) for field in ("borrower_id", "loan_id"))
    return structured.envelope, structured.data, borrower_id, loan_id


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 200 and "\x00" not in value else None


def status_of(answer: Answer) -> int:
    """The HTTP status of an answer: 201 new, 200 the same again, 409 a contradiction, 422 refused."""
    if answer.outcome is Outcome.REFUSED:
        return 409 if answer.code == "conflict" else 422
    return _STATUS[answer.outcome]

"""Contacts that people made or received: which outcomes there are and what a report must say."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from contact_log.domain.entry import Direction, Entry, contact_id
from spine.errors import BadRequest

#: Clocks of telephones and servers differ; a contact later than this is not a contact yet.
MAX_AHEAD: Final = timedelta(minutes=1)

_DATE_OR_TIME: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}:\d{2}")
#: Telephone and identity numbers; amounts have a point, days and hours were taken out before.
_LONG_NUMBER: Final = re.compile(r"\d(?:[ ()-]*\d){6,}")


class Channel(StrEnum):
    """How people were reached."""

    CALL = "call"
    AI_CALL = "ai_call"
    VOICEMAIL = "voicemail"
    SMS = "sms"
    WECHAT = "wechat"
    WECOM = "wecom"
    APP_PUSH = "app_push"
    EMAIL = "email"
    LETTER = "letter"
    VISIT = "visit"


class ReportedOutcome(StrEnum):
    """What became of a contact; the last three are conversations with a consequence."""

    NO_ANSWER = "no_answer"
    BUSY = "busy"
    NOT_IN_SERVICE = "not_in_service"
    REJECTED = "rejected"
    VOICEMAIL = "voicemail"
    CONVERSATION = "conversation"
    NOT_VERIFIED = "not_verified"
    WRONG_PERSON = "wrong_person"
    WRONG_NUMBER = "wrong_number"
    RECEIVED = "received"
    SENT = "sent"
    PROMISE = "promise"
    PAID_CLAIM = "paid_claim"
    DISPUTE = "dispute"


#: What these say is said of one loan, and holds it.
_ABOUT_A_LOAN: Final = frozenset(
    {ReportedOutcome.PROMISE, ReportedOutcome.PAID_CLAIM, ReportedOutcome.DISPUTE}
)


class LoanRequired(BadRequest):
    """A promise, a claim of payment and a dispute are about a loan; give its loan_id."""

    code = "loan_required"


class NotYet(BadRequest):
    """The contact's instant is in the future; a contact is reported after it took place."""

    code = "not_yet"


class PersonalData(BadRequest):
    """The note holds what looks like a telephone number, an identity number or an address; leave it out."""

    code = "personal_data"


def reported_entry(
    key: str,
    body: Mapping[str, Any],
    *,
    borrower_id: str,
    loan_id: str | None,
    channel: Channel,
    direction: Direction,
    outcome: ReportedOutcome,
    at: datetime,
    by: str,
    note: str | None,
    now: datetime,
) -> Entry:
    """The entry of a reported contact; `key` is its idempotency key, `body` the JSON-ready request.

    Raises LoanRequired, NotYet or PersonalData.
    """
    if outcome in _ABOUT_A_LOAN and loan_id is None:
        raise LoanRequired(outcome=outcome.value)
    if at > now + MAX_AHEAD:
        raise NotYet(at=at.isoformat())
    if note is not None and has_personal_data(note):
        raise PersonalData()
    return Entry(
        contact_id=contact_id("report", key),
        borrower_id=borrower_id,
        loan_id=loan_id,
        channel=channel.value,
        direction=direction,
        outcome=outcome.value,
        at=at,
        source="report",
        source_id=key,
        reported_by=by,
        note=note,
        request_sha256=hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest(),
    )


def has_personal_data(note: str) -> bool:
    """Whether free text holds what looks like a telephone or identity number or an e-mail address.

    Names cannot be told from words; this only catches what would let someone be reached or identified.
    """
    plain = _DATE_OR_TIME.sub(" ", unicodedata.normalize("NFKC", note))
    return "@" in plain or _LONG_NUMBER.search(plain) is not None

"""Contacts that people made or received: which outcomes there are and what a report must say."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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
    """What became of a contact; from the promise on they are conversations with a consequence."""

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
    HARDSHIP = "hardship"
    REFUSAL = "refusal"
    DEATH = "death"
    COMPLAINT = "complaint"
    DANGER = "danger"


class Sign(StrEnum):
    """What was heard or read that a trained person must look after at once."""

    SELF_HARM = "self_harm"
    THREAT = "threat"
    GRAVE_ILLNESS = "grave_illness"


#: What these say is said of one loan, and holds it or changes what comes next.
_ABOUT_A_LOAN: Final = frozenset(
    {
        ReportedOutcome.PROMISE,
        ReportedOutcome.PAID_CLAIM,
        ReportedOutcome.DISPUTE,
        ReportedOutcome.HARDSHIP,
    }
)
_BY_VOICE: Final = frozenset({"call", "ai_call"})
#: Nobody spoke in these, so there is nothing to record; a message is its own record.
_UNANSWERED: Final = frozenset({"no_answer", "busy", "not_in_service", "voicemail", "received", "sent"})
NO_RECORDING: Final = "no_recording"


class LoanRequired(BadRequest):
    """A promise, a claim of payment, a dispute and hardship are about a loan; give its loan_id."""

    code = "loan_required"


class Incomplete(BadRequest):
    """What was said needs more than its outcome, or says what does not belong to it; the field is named."""

    code = "incomplete"


class NotYet(BadRequest):
    """The contact's instant is in the future; a contact is reported after it took place."""

    code = "not_yet"


class PersonalData(BadRequest):
    """The note holds what looks like a telephone number, an identity number or an address; leave it out."""

    code = "personal_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What belongs to some outcomes alone, and what the contact is known by elsewhere.

    `contact_ref` names the address opaquely, `party_id` someone around the loan. `amount`, in the loan's currency,
    and `promised_on` make a promise; a claim of payment may name its amount.
    """

    contact_ref: str | None = None
    party_id: str | None = None
    amount: str | None = None
    promised_on: date | None = None
    verified: bool | None = None
    sign: Sign | None = None
    permit_id: str | None = None
    recording_ref: str | None = None


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
    details: Details | None = None,
) -> Entry:
    """The entry of a reported contact; `key` is its idempotency key, `body` the JSON-ready request.

    Raises LoanRequired, Incomplete, NotYet or PersonalData.
    """
    details = details or Details()
    _check(outcome, details)
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
        contact_ref=details.contact_ref,
        party_id=details.party_id,
        amount=details.amount,
        promised_on=details.promised_on,
        verified=details.verified,
        code=details.sign.value if details.sign is not None else None,
        permit_id=details.permit_id,
        recording_ref=details.recording_ref,
        flag=recording_flag(channel.value, outcome.value, details.recording_ref),
        request_sha256=hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest(),
    )


def _check(outcome: ReportedOutcome, details: Details) -> None:
    """Raises Incomplete. A promise of which only the word is told is kept, but makes no promise elsewhere."""
    if (details.promised_on is None) != (details.amount is None) and outcome is ReportedOutcome.PROMISE:
        raise Incomplete("a promise has both amount and promised_on, or is only mentioned", field="amount")
    if details.promised_on is not None and outcome is not ReportedOutcome.PROMISE:
        raise Incomplete("promised_on belongs to a promise", field="promised_on")
    if details.amount is not None and outcome not in (ReportedOutcome.PROMISE, ReportedOutcome.PAID_CLAIM):
        raise Incomplete("amount belongs to a promise or a claim of payment", field="amount")
    if (details.party_id is None) == (outcome is ReportedOutcome.REFUSAL):
        raise Incomplete("party_id names who refuses, and belongs to a refusal alone", field="party_id")
    if (details.sign is None) == (outcome is ReportedOutcome.DANGER):
        raise Incomplete("sign says what was heard, and belongs to danger alone", field="sign")


def recording_flag(channel: str, outcome: str, recording_ref: str | None) -> str | None:
    """What is wrong with a call in which someone spoke and of which there is no recording."""
    spoken = channel in _BY_VOICE and outcome not in _UNANSWERED
    return NO_RECORDING if spoken and recording_ref is None else None


def has_personal_data(note: str) -> bool:
    """Whether free text holds what looks like a telephone or identity number or an e-mail address.

    Names cannot be told from words; this only catches what would let someone be reached or identified.
    """
    plain = _DATE_OR_TIME.sub(" ", unicodedata.normalize("NFKC", note))
    return "@" in plain or _LONG_NUMBER.search(plain) is not None

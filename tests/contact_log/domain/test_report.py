"""A report names its loan where it holds one, is about the past, and holds no personal data."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from contact_log.domain.entry import Direction, Entry
from contact_log.domain.place import BadCursor, Place
from contact_log.domain.report import (
    Channel,
    LoanRequired,
    NotYet,
    PersonalData,
    ReportedOutcome,
    has_personal_data,
    reported_entry,
)
from tests.contact_log.building import NOON


def entry(key: str = "k-1", **changes: Any) -> Entry:
    given: dict[str, Any] = {
        "borrower_id": "b-1",
        "loan_id": "l-1",
        "channel": Channel.CALL,
        "direction": Direction.OUTBOUND,
        "outcome": ReportedOutcome.CONVERSATION,
        "at": NOON,
        "by": "agent-7",
        "note": None,
        "now": NOON,
    }
    return reported_entry(key, {"any": "body"}, **{**given, **changes})


@pytest.mark.parametrize("outcome", ["promise", "paid_claim", "dispute"])
def test_what_holds_a_loan_names_it(outcome: str) -> None:
    with pytest.raises(LoanRequired):
        entry(outcome=ReportedOutcome(outcome), loan_id=None)


def test_a_conversation_may_be_about_no_loan() -> None:
    assert entry(loan_id=None).loan_id is None


def test_the_future_cannot_be_reported() -> None:
    assert entry(at=NOON + timedelta(minutes=1)).at == NOON + timedelta(minutes=1)
    with pytest.raises(NotYet):
        entry(at=NOON + timedelta(minutes=1, seconds=1))


@pytest.mark.parametrize(
    "note",
    [
        "call 13800138000 instead",
        "新号码 138 0013 8000",
        "tel (212) 555-0123",
        "号码１３８００１３８０００",
        "id 11010519900307001X",
        "write to someone@example.org",
    ],
)
def test_a_note_with_personal_data_is_refused(note: str) -> None:
    assert has_personal_data(note)
    with pytest.raises(PersonalData):
        entry(note=note)


@pytest.mark.parametrize(
    "note",
    [
        "promised 3200.00 for 2026-11-25 15:00",
        "餐馆生意淡, 月底能还 12345.67",
        "asked for a plan of 36 months",
    ],
)
def test_a_note_about_amounts_and_dates_is_kept(note: str) -> None:
    assert entry(note=note).note == note


def test_the_key_makes_the_id_and_the_body_its_hash() -> None:
    assert entry("k-1").contact_id == entry("k-1", outcome=ReportedOutcome.BUSY).contact_id
    assert entry("k-1").contact_id != entry("k-2").contact_id


def test_a_cursor_tells_its_place() -> None:
    place = Place(NOON, 17)
    assert Place.from_cursor(place.cursor()) == place


@pytest.mark.parametrize(
    "cursor",
    ["x", "not base64!", "ä", Place(datetime(2026, 1, 1), 1).cursor(), Place(NOON, 0).cursor(), "MjAyNnwx"],  # noqa: DTZ001
)
def test_a_cursor_of_another_make_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        Place.from_cursor(cursor)

"""Openings are spread over people, not over what is urgent, and never past a message's end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from notifier.domain.urgency import due_after, urgency

NIGHT = datetime(2026, 11, 24, 15, tzinfo=UTC)
OPENS = datetime(2026, 11, 25, tzinfo=UTC)
SPREAD = timedelta(seconds=120)
LATER = OPENS + timedelta(days=1)


def test_what_answers_somebody_goes_first_then_reminders_then_collection() -> None:
    order = sorted(["collection", "service", "reminder_due", "location_only"], key=urgency)
    assert order[:2] == ["service", "reminder_due"]


def test_people_come_back_over_the_first_minutes_evenly() -> None:
    seconds = [
        (due_after(OPENS, LATER, NIGHT, "collection", f"B{n}", SPREAD) - OPENS).total_seconds()
        for n in range(12_000)
    ]
    assert min(seconds) == 0 and max(seconds) == 119
    counts = [seconds.count(second) for second in range(120)]
    assert min(counts) > 50 and max(counts) < 150


def test_one_person_comes_back_at_one_instant() -> None:
    instants = {due_after(OPENS, LATER, NIGHT, "collection", "B1", SPREAD) for _ in range(3)}
    assert len(instants) == 1


@pytest.mark.parametrize(
    ("purpose", "now", "spread"),
    [
        ("service", NIGHT, SPREAD),
        ("collection", OPENS - SPREAD, SPREAD),
        ("collection", NIGHT, timedelta(0)),
    ],
)
def test_the_urgent_and_those_that_wait_for_themselves_are_not_spread(
    purpose: str, now: datetime, spread: timedelta
) -> None:
    assert {due_after(OPENS, LATER, now, purpose, f"B{n}", spread) for n in range(50)} == {OPENS}


def test_nothing_expires_of_being_spread() -> None:
    end = OPENS + timedelta(minutes=5)
    assert {due_after(OPENS, end, NIGHT, "collection", f"B{n}", SPREAD) for n in range(50)} == {OPENS}
    past = OPENS - timedelta(hours=1)
    assert due_after(OPENS, past, NIGHT, "collection", "B1", SPREAD) == past

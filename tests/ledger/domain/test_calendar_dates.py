"""Days between dates over month ends, leap days and years, and the midnight at which a date begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ledger.domain.position import position
from spine.business_days import business_date, end_of_business_date

from .loans import due, loan, money, on, terms


@pytest.mark.parametrize(("due_on", "as_of", "dpd", "base_360", "base_365"), [
    ("2026-01-31", "2026-02-01", 1, "1.50", "1.48"),
    ("2026-01-31", "2026-02-28", 28, "42.00", "41.42"),
    ("2026-01-31", "2026-03-01", 29, "43.50", "42.90"),
    ("2026-01-30", "2026-02-28", 29, "43.50", "42.90"),
    ("2026-04-30", "2026-05-01", 1, "1.50", "1.48"),
    ("2026-04-30", "2026-05-31", 31, "46.50", "45.86"),
    ("2027-02-28", "2027-03-01", 1, "1.50", "1.48"),
    ("2028-02-28", "2028-02-29", 1, "1.50", "1.48"),
    ("2028-02-28", "2028-03-01", 2, "3.00", "2.96"),
    ("2028-02-29", "2028-02-29", 0, "0.00", "0.00"),
    ("2028-02-29", "2028-03-01", 1, "1.50", "1.48"),
    ("2028-02-29", "2028-03-31", 31, "46.50", "45.86"),
    ("2028-02-29", "2029-02-28", 365, "547.50", "540.00"),
    ("2028-02-29", "2029-03-01", 366, "549.00", "541.48"),
    ("2028-01-01", "2029-01-01", 366, "549.00", "541.48"),
    ("2027-01-01", "2028-01-01", 365, "547.50", "540.00"),
    ("2026-12-31", "2027-01-01", 1, "1.50", "1.48"),
])  # fmt: skip
def test_month_ends_leap_days_and_years_on_either_base(
    due_on: str, as_of: str, dpd: int, base_360: str, base_365: str
) -> None:
    for base, bears in ((360, base_360), (365, base_365)):
        found = position(loan(due(1, due_on, "3000.00"), terms=terms(day_count=base)), on(as_of))
        assert (found.dpd, money(found.overdue.penalty)) == (dpd, bears)


# The last instant of one date and the first of the next.
@pytest.mark.parametrize(("zone", "midnight", "date_before"), [
    ("Asia/Shanghai", "2026-11-23T16:00:00", "2026-11-23"),
    ("UTC", "2026-11-24T00:00:00", "2026-11-23"),
    ("Asia/Kolkata", "2026-11-23T18:30:00", "2026-11-23"),
    # New York moves its clocks on 2026-03-08 and 2026-11-01: dates of 23 and of 25 hours.
    ("America/New_York", "2026-03-08T05:00:00", "2026-03-07"),
    ("America/New_York", "2026-03-09T04:00:00", "2026-03-08"),
    ("America/New_York", "2026-11-01T04:00:00", "2026-10-31"),
    ("America/New_York", "2026-11-02T05:00:00", "2026-11-01"),
    # In Santiago 2026-09-06 begins at one o'clock, because midnight is skipped.
    ("America/Santiago", "2026-09-06T04:00:00", "2026-09-05"),
    ("Asia/Shanghai", "2028-02-28T16:00:00", "2028-02-28"),
])  # fmt: skip
def test_a_business_date_begins_at_local_midnight_and_days_past_due_with_it(
    zone: str, midnight: str, date_before: str
) -> None:
    at = datetime.fromisoformat(midnight).replace(tzinfo=UTC)
    before, after = (business_date(each, ZoneInfo(zone)) for each in (at - timedelta(microseconds=1), at))
    assert (before, after) == (on(date_before), on(date_before) + timedelta(days=1))
    assert end_of_business_date(before, ZoneInfo(zone)) == at
    facts = loan(due(1, (before - timedelta(days=5)).isoformat(), "3000.00"))
    assert [position(facts, each).dpd for each in (before, after)] == [5, 6]

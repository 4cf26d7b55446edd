"""Whose law counts for a person, and which day it is for a pack."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from notifier.domain.facts import Party
from notifier.domain.places import days_at, jurisdiction_of
from notifier.policy import load_packs


@pytest.mark.parametrize(
    ("region", "place"),
    [
        ("US-MA", ("US", "MA")),
        ("CN-31", ("CN", "31")),
        ("US", ("US", None)),
        ("GB-ENG", ("CN", None)),
        ("Shanghai", ("CN", None)),
        ("us-ma", ("CN", None)),
        ("US-MASS", ("CN", None)),
        ("", ("CN", None)),
        (None, ("CN", None)),
    ],
)
def test_a_region_tells_country_and_state_where_a_pack_is_of_that_country(
    region: str | None, place: tuple[str, str | None]
) -> None:
    assert jurisdiction_of(region, "CN", load_packs(["cn", "us-reg-f"])) == place


def test_the_day_is_that_of_every_zone_that_counts_and_anywhere_without_one() -> None:
    nyc, cn = load_packs(["us-nyc", "cn"])
    evening = datetime(2026, 9, 1, 3, tzinfo=UTC)
    coasts = Party("p1", candidate_timezones=("America/New_York", "Europe/London"))
    assert days_at(nyc, coasts, evening) == (date(2026, 8, 31), date(2026, 9, 1))
    assert days_at(nyc, Party("p1"), datetime(2026, 9, 1, 11, tzinfo=UTC)) == (
        date(2026, 8, 31),
        date(2026, 9, 2),
    )
    # A pack that fixes its zone has the days of that zone, wherever the person is.
    assert days_at(cn, coasts, datetime(2026, 9, 1, 16, tzinfo=UTC)) == (date(2026, 9, 2), date(2026, 9, 2))

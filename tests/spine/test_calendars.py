"""Business calendars: weekends, holidays and make-up days on both sides, and years that nobody knows."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from spine.calendars import BusinessCalendar, Calendars, load_calendars
from spine.policy import BadPolicy

SHIPPED = load_calendars()
OF_THE_LIBRARY = BusinessCalendar("CN", set_by_notice=True)


def business(calendar: BusinessCalendar, *days: str) -> list[bool]:
    return [calendar.is_business_day(date.fromisoformat(day)) for day in days]


def calendars_of(folder: Path, text: str) -> Calendars:
    (folder / "spine").mkdir(exist_ok=True)
    (folder / "spine" / "calendars.yaml").write_text(text, encoding="utf-8")
    return load_calendars(folder)


STATED = """
version: "t"
set_by_notice: [CN]
calendars:
  CN:
    - year: 2027
      citation: notice of the test
      holidays: [{from: 2027-01-01, to: 2027-01-03}, {from: 2027-02-05, to: 2027-02-11}]
      workdays: [2027-02-14]
  US:
    - {year: 2026, citation: the bank's own, holidays: [{from: 2026-03-02, to: 2026-03-02}]}
"""

#: The make-up days of China in 2026; the weekend day a week after each is free.
MADE_UP = ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"]


@pytest.mark.parametrize("calendar", [SHIPPED["CN"], OF_THE_LIBRARY], ids=["file", "library"])
class TestChina2026:
    def test_make_up_days_are_worked_and_the_weekend_after_is_not(self, calendar: BusinessCalendar) -> None:
        assert business(calendar, *MADE_UP) == [True] * 6
        weekends = [(date.fromisoformat(day) + timedelta(days=7)).isoformat() for day in MADE_UP]
        assert business(calendar, *weekends) == [False] * 6

    def test_national_day_is_free_from_its_first_day_through_its_last(
        self, calendar: BusinessCalendar
    ) -> None:
        assert business(calendar, *(f"2026-10-{day:02}" for day in range(1, 8))) == [False] * 7
        assert business(calendar, "2026-09-30", "2026-10-08", "2026-10-09") == [True] * 3

    def test_spring_festival_is_free_from_its_first_day_through_its_last(
        self, calendar: BusinessCalendar
    ) -> None:
        assert business(calendar, *(f"2026-02-{day:02}" for day in range(15, 24))) == [False] * 9
        assert business(calendar, "2026-02-13", "2026-02-24") == [True] * 2


def test_the_file_and_the_library_agree_on_every_day_of_china_2026() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert [d for d in days if SHIPPED["CN"].is_business_day(d) != OF_THE_LIBRARY.is_business_day(d)] == []


def test_a_year_that_the_file_does_not_state_is_the_librarys() -> None:
    china = SHIPPED["CN"]
    assert business(china, "2025-01-26", "2025-01-25", "2025-02-03", "2025-02-05") == [
        True,  # a Sunday made up for
        False,
        False,  # a Monday moved to
        True,
    ]
    assert china.known(date(2025, 6, 1))


def test_a_state_has_its_own_holidays_and_the_country_the_national_ones() -> None:
    # King's Birthday of New South Wales; Labour Day is another day in each state.
    assert business(SHIPPED["AU"], "2026-06-08", "2026-10-05") == [True, True]
    assert business(SHIPPED["AU-NSW"], "2026-06-08", "2026-10-05") == [False, False]
    # Easter Monday is one in England, not in Scotland.
    assert business(SHIPPED["GB-ENG"], "2026-04-06") == [False]
    assert business(SHIPPED["GB-SCT"], "2026-04-06") == [True]
    # Lincoln's Birthday is New York's; Thanksgiving is everybody's.
    assert business(SHIPPED["US-NY"], "2026-02-12", "2026-11-26") == [False, False]
    assert business(SHIPPED["US"], "2026-02-12", "2026-11-26") == [True, False]


def test_an_observed_holiday_may_fall_into_the_year_before() -> None:
    # New Year's Day of 2028 is a Saturday, observed on the Friday before.
    assert business(SHIPPED["US"], "2027-12-30", "2027-12-31", "2028-01-03") == [True, False, True]


def test_weekends_are_those_of_the_place() -> None:
    friday, saturday, sunday = "2026-11-20", "2026-11-21", "2026-11-22"
    assert business(SHIPPED["CN"], friday, saturday, sunday) == [True, False, False]
    assert business(SHIPPED["IL"], friday, saturday, sunday) == [False, False, True]


def test_a_stated_year_replaces_the_librarys_days_of_that_year_and_place_alone(tmp_path: Path) -> None:
    made = calendars_of(tmp_path, STATED)
    assert business(made["US"], "2026-03-02", "2026-11-26", "2026-11-28") == [False, True, False]
    assert business(made["US"], "2025-11-27", "2027-11-25") == [False, False]
    assert business(made["US-NY"], "2026-03-02", "2026-11-26") == [True, False]
    assert business(made["CN"], "2027-02-11", "2027-02-12", "2027-02-14", "2027-02-13") == [
        False,
        True,
        True,
        False,
    ]
    # 2026 is not in this file, but the library has it.
    assert business(made["CN"], "2026-10-10") == [True]


def test_a_year_without_its_notice_is_not_known_and_said_once(tmp_path: Path) -> None:
    china, beyond = load_calendars()["CN"], date(2090, 10, 1)
    with capture_logs() as said:
        assert china.known(date(2026, 12, 31))
        assert said == []
        # Still free: what the law fixes is counted.
        assert not china.is_business_day(beyond)
        assert not china.known(beyond)
    assert [(line["log_level"], line["calendar"], line["year"]) for line in said] == [("warning", "CN", 2090)]
    with capture_logs() as said:
        assert calendars_of(tmp_path, STATED)["CN"].known(date(2027, 2, 14))
    assert said == []


@pytest.mark.parametrize(
    ("code", "last_known", "first_unknown"),
    [("US", 2100, 2101), ("JP", 2099, 2100), ("IN", 2035, 2036)],
)
def test_beyond_the_range_of_the_library_no_year_is_known(
    code: str, last_known: int, first_unknown: int
) -> None:
    assert SHIPPED[code].known(date(last_known, 12, 31))
    assert not SHIPPED[code].known(date(first_unknown, 1, 1))


def test_the_first_and_the_last_date_there_are_can_be_asked_for() -> None:
    assert business(SHIPPED["CN"], "0001-01-01", "9999-12-31") == [True, True]


@pytest.mark.parametrize(
    "code", ["MOON", "XX", "cn", "CHN", "UK", "US-XX", "CN-GD", "US-", "AU-NSW Western", "NYSE", "", "C\0"]
)
def test_codes_that_are_not_of_iso_or_have_no_list_are_no_calendars(code: str) -> None:
    assert code not in SHIPPED
    with pytest.raises(KeyError):
        SHIPPED[code]
    assert repr(code) in SHIPPED.refusal(code)


def test_a_refusal_names_some_that_there_are() -> None:
    assert "CN, US, US-NY" in SHIPPED.refusal("MOON")
    assert "GB, GB-ENG, GB-NIR, GB-SCT, GB-WLS" in SHIPPED.refusal("GB-XX")
    assert len(SHIPPED.refusal("X" * 10_000)) < 200


def test_every_code_listed_is_a_calendar() -> None:
    codes = list(SHIPPED)
    assert {"CN", "US", "US-NY", "AU-NSW", "GB-ENG", "IN-MH"} <= set(codes)
    assert len(codes) == len(set(codes)) == len(SHIPPED)
    assert [code for code in codes if code not in SHIPPED] == []


def test_two_calendars_are_equal_by_place_and_what_is_stated_of_it(tmp_path: Path) -> None:
    again = load_calendars()
    assert again["CN"] == SHIPPED["CN"]
    assert hash(again["CN"]) == hash(SHIPPED["CN"])
    assert again["CN"] is again["CN"]
    assert again["CN"] != again["US"]
    assert again["CN"] != calendars_of(tmp_path, STATED)["CN"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("to: 2027-01-03", "to: 2026-12-31", "2027-01-01 is after 2026-12-31"),
        ("to: 2027-02-11", "to: 2028-02-11", "is of another year"),
        ("[2027-02-14]", "[2026-02-14]", "2026-02-14 is of another year"),
        ("[2027-02-14]", "[2027-02-15]", "2027-02-15 is a weekday"),
        ("[2027-02-14]", "[2027-02-06]", "2027-02-06 is a holiday and a workday"),
        ("  US:", "  UK:", "no calendar 'UK'"),
        ("[CN]", "[CN, XX]", "no calendar 'XX'"),
        ("year: 2026", "year: 1826", "year"),
        ("citation: the bank's own, ", "", "citation"),
        ("set_by_notice: [CN]", "", "set_by_notice"),
        ("  US:", "  CN:", "given twice"),
        ("citation: notice of the test", "citation: t\n      workday: []", "workday"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in STATED
    with pytest.raises(BadPolicy, match=says) as refused:
        calendars_of(tmp_path, STATED.replace(old, new, 1))
    assert refused.value.detail.startswith("calendars.yaml: ")


def test_a_year_given_twice_is_refused(tmp_path: Path) -> None:
    twice = STATED + "    - {year: 2026, citation: again, holidays: []}\n"
    with pytest.raises(BadPolicy, match="US: a year is given twice"):
        calendars_of(tmp_path, twice)


@pytest.mark.parametrize(
    ("code", "on", "is_holiday"),
    [
        ("CN", date(2026, 9, 30), False),
        ("CN", date(2026, 10, 1), True),
        # A holiday on a weekend is one; an ordinary weekend and a day that is made up for are none.
        ("CN", date(2026, 10, 3), True),
        ("CN", date(2026, 11, 22), False),
        ("CN", date(2026, 10, 10), False),
        ("US", date(2026, 11, 26), True),
        ("US", date(2026, 11, 27), False),
    ],
)
def test_a_public_holiday_is_told_from_a_weekend(code: str, on: date, is_holiday: bool) -> None:
    assert load_calendars()[code].is_holiday(on) is is_holiday

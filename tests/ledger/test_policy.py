"""Rules as data: complete defaults, products that differ, strictness, and the hour of the day close."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.contract import KeptTerms, domain_terms, facts_of, kept, resolved_terms
from ledger.domain.facts import Overpayment, PenaltyRule, Shape, Terms
from ledger.policy import House
from ledger.settings import LedgerSettings
from spine.errors import BadSchema
from spine.events.corebanking import AllocationTerms, LoanTerms, PenaltyTerms
from spine.policy import BadPolicy
from spine.settings import BadSettings
from tests.ledger.events import on, opened
from tests.runtimes import SHANGHAI

SHIPPED = House.load(SHANGHAI)


def house_of(folder: Path, text: str) -> House:
    (folder / "ledger").mkdir(exist_ok=True)
    (folder / "ledger" / "products.yaml").write_text(text, encoding="utf-8")
    return House.load(SHANGHAI, policy_dir=folder)


DEFAULT = """
version: "t"
business_day: {close_minutes_after_midnight: 90}
statement: {amount_tolerance: "0.00", penalty_tolerance: "0.05"}
transit: {pending_business_days: 1, debit_hours: 24, claim_business_days: 3, claim_matches_within_days: 3}
feed: {silent_after_minutes: 90}
default:
  grace_days: 3
  grace_rule: after_grace
  holiday_rule: none
  day_count: 365
  penalty: {multiplier: "2"}
  allocation: {shape: vertical}
  tolerance: "5.00"
  overpayment: prepay
products:
  card: {grace_days: 0, tolerance: "1.00"}
"""


def test_absent_terms_are_the_contracts_defaults_with_the_houses_tolerance() -> None:
    terms = domain_terms(resolved_terms(opened(), SHIPPED), "CNY", SHIPPED.calendars)
    assert terms == Terms(tolerance=1000, calendar=SHIPPED.calendars["CN"])
    assert domain_terms(resolved_terms(opened(), SHIPPED), "JPY", SHIPPED.calendars).tolerance == 10
    assert domain_terms(resolved_terms(opened(), SHIPPED), "KWD", SHIPPED.calendars).tolerance == 10_000


def test_what_a_loan_states_wins_over_its_product_and_that_over_the_default(tmp_path: Path) -> None:
    house = house_of(tmp_path, DEFAULT)
    stated = LoanTerms(
        tolerance="0.00",
        penalty=PenaltyTerms(compound_on_interest=True),
        allocation=AllocationTerms(shape="horizontal"),
    )
    terms = domain_terms(resolved_terms(opened(product="card", terms=stated), house), "CNY", house.calendars)
    assert (terms.tolerance, terms.grace_days, terms.day_count) == (0, 0, 365)
    assert terms.penalty == PenaltyRule(
        multiplier=PenaltyRule().multiplier * 4 / 3, compound_on_interest=True
    )
    assert (terms.shape, terms.overpayment) == (Shape.HORIZONTAL, Overpayment.PREPAY)


def test_kept_terms_are_read_as_they_were_resolved() -> None:
    event = opened(terms=LoanTerms(holiday_rule="next_business_day", penalty=PenaltyTerms(annual_rate="0.2")))
    terms = resolved_terms(event, SHIPPED)
    read = KeptTerms(SHIPPED.calendars, SHANGHAI).read(kept(terms), "CNY")
    assert read == facts_of(event, terms, SHIPPED.calendars).terms
    calendar = read.calendar
    assert calendar is not None
    # The last holiday of the week, the first business day after it, a Saturday worked, an ordinary one.
    days = {"10-07": False, "10-08": True, "10-10": True, "10-17": False, "09-25": False}
    assert {day: calendar.is_business_day(on(day)) for day in days} == days


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("overpayment: prepay", ""), "default: overpayment must be given"),
        (("grace_days: 3", "grace_dayz: 3"), "grace_dayz"),
        (("  card: {", "  card: {calendar: MOON, "), "card: no calendar 'MOON'; there are CN, US"),
        (("{shape: vertical}", "{shape: diagonal}"), "diagonal"),
        (("{shape: vertical}", "{order: [fee, fee, fee, fee, fee]}"), "names a component twice"),
        (('version: "t"', 'version: "t"\nversion: "u"'), "given twice"),
        (("90}", "721}"), "close_minutes_after_midnight"),
        (('"5.00"', "5.00"), "tolerance"),
    ],
)
def test_what_is_not_exactly_as_declared_is_refused(
    tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    house_of(tmp_path, DEFAULT)
    with pytest.raises(BadPolicy, match=says):
        house_of(tmp_path, DEFAULT.replace(*change))


def test_a_product_takes_the_calendar_of_a_state(tmp_path: Path) -> None:
    house = house_of(tmp_path, DEFAULT.replace("  card: {", "  card: {calendar: US-NY, "))
    terms = domain_terms(resolved_terms(opened(product="card"), house), "USD", house.calendars)
    assert terms.calendar == house.calendars["US-NY"]
    # Lincoln's Birthday is New York's.
    assert not house.calendars["US-NY"].is_business_day(on("02-12"))
    assert house.calendars["US"].is_business_day(on("02-12"))


def test_a_loan_may_state_any_calendar_there_is() -> None:
    stated = resolved_terms(opened(terms=LoanTerms(calendar="AU-NSW")), SHIPPED)
    assert domain_terms(stated, "CNY", SHIPPED.calendars).calendar == SHIPPED.calendars["AU-NSW"]
    with pytest.raises(BadSchema, match="no calendar 'AU-XX'"):
        resolved_terms(opened(terms=LoanTerms(calendar="AU-XX")), SHIPPED)


def test_years_are_stated_for_all_services_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "spine").mkdir()
    (tmp_path / "spine" / "calendars.yaml").write_text(
        'version: "t"\nset_by_notice: []\ncalendars:\n  CN:\n'
        "    - {year: 2026, citation: t, holidays: [{from: 2026-03-02, to: 2026-03-02}]}\n",
        encoding="utf-8",
    )
    assert not house_of(tmp_path, DEFAULT).calendars["CN"].is_business_day(on("03-02"))
    (tmp_path / "ledger" / "calendars.yaml").write_text("", encoding="utf-8")
    with pytest.raises(BadPolicy, match="state the years in spine"):
        house_of(tmp_path, DEFAULT)


def test_a_date_is_closed_its_minutes_after_local_midnight(tmp_path: Path) -> None:
    assert SHIPPED.closes_at(on("11-23")) == datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
    assert house_of(tmp_path, DEFAULT).closes_at(on("11-23")) == datetime(2026, 11, 23, 17, 30, tzinfo=UTC)


def test_settings_are_read_strictly() -> None:
    assert LedgerSettings.from_environment({}).first_business_date is None
    stated = LedgerSettings.from_environment({"TACT_LEDGER_FIRST_BUSINESS_DATE": "2026-03-01"})
    assert stated.first_business_date == on("03-01")
    for environment in ({"TACT_LEDGER_FIRST_BUSINESS_DATE": "March"}, {"TACT_LEDGER_FRIST": "x"}):
        with pytest.raises(BadSettings):
            LedgerSettings.from_environment(environment)

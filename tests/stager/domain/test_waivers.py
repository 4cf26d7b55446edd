"""Waivers fall in bands, and offers are met by money in time: both sides of every edge."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spine.money import parse_minor
from spine.policy import load_policy
from stager.domain.plan_judging import PlanMoney
from stager.domain.plans import Structure
from stager.domain.waiver_policy import COMPONENTS, Band, Limit, WaiverCase, WaiverPolicy, faults_of_waivers
from stager.domain.waivers import (
    BandFacts,
    BeyondBand,
    NoBand,
    OfferFacts,
    beyond_limits,
    failed_cases,
    find_band,
    judge_offer,
)
from stager.policy import load_rulebook

TEXT = """
name: waivers
version: 1
effective_from: 2020-01-01
citation: a test
approve_within_days: 7
offer_within_days: 31
refused_by: [lead]
bands:
  - id: small
    stages: [S1]
    proposed_by: [collector, lead]
    approved_by: [lead]
    limits:
      penalty: {percent: 50, at_most: "100.00"}
  - id: large
    stages: [S1]
    products: [consumer]
    kinds: [settlement]
    proposed_by: [lead]
    approved_by: [compliance]
    limits:
      penalty: {percent: 100, at_most: "1000.00"}
      principal: {percent: 30, at_most: "5000.00"}
"""
POLICY = load_policy(WaiverPolicy, TEXT, path="waivers.yaml").policy
DAY = timedelta(days=1)
MADE = date(2026, 11, 23)
BY = MADE + 5 * DAY


def minor(text: str) -> int:
    return parse_minor(text, "CNY")


def facts(
    penalty: str, *, owed: str = "300.00", roles: tuple[str, ...] = ("collector",), **other: Any
) -> BandFacts:
    whole: dict[str, Any] = {
        "loan_id": "L1",
        "product": "consumer",
        "stage": "S1",
        "kind": "waiver",
        "roles": roles,
        "currency": "CNY",
        "waived": Structure(penalty=minor(penalty)),
        "owed": Structure(penalty=minor(owed), principal=minor("9000.00")),
        **other,
    }
    return BandFacts(**whole)


@pytest.mark.parametrize(
    ("owed", "most", "above"),
    [
        ("300.00", "100.00", "100.01"),  # the absolute limit
        ("200.00", "100.00", "100.01"),  # both at once
        ("199.98", "99.99", "100.00"),  # half of it
        ("0.01", "0.00", "0.01"),  # a part of a cent is none
    ],
)
def test_a_band_is_held_to_the_cent(owed: str, most: str, above: str) -> None:
    assert find_band(facts(most, owed=owed), POLICY).id == "small"
    with pytest.raises(BeyondBand) as error:
        find_band(facts(above, owed=owed), POLICY)
    assert (error.value.facts["band"], error.value.facts["at_most"]) == ("small", most)
    assert "band small" in error.value.detail


def test_the_first_band_that_holds_counts_and_roles_open_larger_ones() -> None:
    for roles, kind, amount, band in (
        (("lead",), "settlement", "100.00", "small"),
        (("lead",), "settlement", "100.01", "large"),
        (("collector", "lead"), "settlement", "300.00", "large"),
    ):
        assert find_band(facts(amount, roles=roles, kind=kind), POLICY).id == band
    for roles, kind in ((("collector",), "settlement"), (("lead",), "waiver")):
        with pytest.raises(BeyondBand):
            find_band(facts("100.01", roles=roles, kind=kind), POLICY)


def test_a_component_that_a_band_does_not_name_is_not_waived() -> None:
    with pytest.raises(BeyondBand) as error:
        find_band(facts("1.00", waived=Structure(penalty=100, interest=1)), POLICY)
    assert error.value.facts["field"] == "waived.interest"


@pytest.mark.parametrize(("principal", "fits"), [("2700.00", True), ("2700.01", False)])
def test_principal_in_a_settlement(principal: str, fits: bool) -> None:
    asked = facts("0.00", roles=("lead",), kind="settlement", waived=Structure(principal=minor(principal)))
    assert bool(beyond_limits(POLICY.bands[1], asked)) is not fits


@pytest.mark.parametrize("other", [{"stage": "S2"}, {"roles": ("analyst",)}, {"roles": ()}])
def test_without_a_band_for_stage_and_role_nothing_is_proposed(other: dict[str, Any]) -> None:
    with pytest.raises(NoBand):
        find_band(facts("1.00", **other), POLICY)


@given(st.integers(0, 10**9), st.integers(1, 100), st.integers(0, 10**7))
def test_never_more_than_the_percentage_nor_the_amount(owed: int, percent: int, most: int) -> None:
    allowed = Limit(percent=percent, at_most=f"{most // 100}.{most % 100:02d}").allowed(owed, "CNY")
    assert allowed <= most
    assert allowed * 100 <= owed * percent
    assert allowed == most or (allowed + 1) * 100 > owed * percent


def test_a_policy_with_bands_given_twice_or_unknown_stages_is_refused() -> None:
    twice = msgspec.structs.replace(POLICY, bands=(*POLICY.bands, POLICY.bands[0]))
    assert list(faults_of_waivers(twice, {"S2"})) == [
        "band small is given twice",
        *[f"bands.{id_}.stages: there is no stage S1" for id_ in ("small", "large", "small")],
    ]


def test_waivers_before_count_with_this_one_and_what_is_gone_was_owed_too() -> None:
    before = facts("50.00", owed="200.00", before=Structure(penalty=minor("50.00")))
    assert find_band(before, POLICY).id == "small"
    with pytest.raises(BeyondBand) as error:
        find_band(facts("50.01", owed="200.00", before=Structure(penalty=minor("50.00"))), POLICY)
    assert error.value.facts["at_most"] == "50.00"
    # 50.00 are waived already, so 150.00 are left of 200.00: half of all is still 100.00.
    gone = Structure(penalty=minor("50.00"))
    assert find_band(facts("50.00", owed="150.00", before=gone, gone=gone), POLICY).id == "small"


@pytest.mark.parametrize(("amount", "band", "fails"), [("100.00", "small", 0), ("100.01", "small", 1)])
def test_a_case_that_comes_out_otherwise_is_told(amount: str, band: str, fails: int) -> None:
    case = WaiverCase(
        stage="S1", role="lead", owed={"penalty": "200.00"}, waived={"penalty": amount}, band=band
    )
    assert len(list(failed_cases(msgspec.structs.replace(POLICY, cases=(case,))))) == fails


def test_every_shipped_band_names_stages_and_components_that_are() -> None:
    shipped = load_rulebook().waivers.editions[0].policy
    assert {stage for band in shipped.bands for stage in band.stages} == {"DUE", "S1", "S2", "S3", "S4"}
    assert all(set(band.limits) <= set(COMPONENTS) for band in shipped.bands)
    assert isinstance(shipped.bands[0], Band)


# -- offers --------------------------------------------------------------------------------------------------


def judged(closed: date, *money: tuple[int, date]) -> tuple[str, date | None, date | None]:
    found = judge_offer(
        OfferFacts(
            pay_minor=1000,
            counts_from=MADE,
            pay_by_on=BY,
            closed_through=closed,
            money=tuple(
                PlanMoney(repayment_id=str(n), amount_minor=amount, value_date=on)
                for n, (amount, on) in enumerate(money)
            ),
        )
    )
    return found.state.value, found.effective_on, found.judge_on


def test_an_offer_is_met_by_money_of_its_last_day_and_not_of_the_day_after() -> None:
    assert judged(BY, (1000, BY)) == ("effective", BY, None)
    assert judged(BY + 2 * DAY, (1000, BY + DAY)) == ("lapsed", None, None)


def test_it_is_waited_for_until_its_last_day_is_closed() -> None:
    assert judged(BY - DAY) == ("approved", None, BY)
    assert judged(BY) == ("lapsed", None, None)


def test_a_cent_decides() -> None:
    assert judged(BY, (999, BY))[0] == "lapsed"
    assert judged(BY, (999, MADE), (1, BY)) == ("effective", MADE, None)


def test_money_of_the_day_of_the_offer_counts_and_of_the_day_before_not() -> None:
    assert judged(BY, (1000, MADE))[0] == "effective"
    assert judged(BY, (1000, MADE - DAY))[0] == "lapsed"


def test_money_that_is_known_of_a_later_date_is_judged_then() -> None:
    assert judged(MADE, (1000, MADE + 2 * DAY)) == ("approved", None, MADE + 2 * DAY)


days = st.integers(-2, 8).map(lambda n: MADE + n * DAY)


@given(st.lists(st.tuples(st.sampled_from([1, 400, 600, 999, 1000]), days), max_size=5), days)
def test_as_a_plain_sum(money: list[tuple[int, date]], closed: date) -> None:
    counting = sum(amount for amount, on in money if MADE <= on <= min(BY, closed))
    expected = "effective" if counting >= 1000 else "lapsed" if closed >= BY else "approved"
    assert judged(closed, *money)[0] == expected

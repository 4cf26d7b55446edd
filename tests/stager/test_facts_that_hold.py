"""Figures that differ and money on its way hold a loan until the facts, or their time, release it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Literal

import httpx
import pytest

from spine.events.contact_log import PaymentClaimed
from spine.events.ledger import (
    PaymentInTransit,
    PaymentTransitEnded,
    StatedArrears,
    StatementMatched,
    StatementMismatch,
    TransitKind,
)
from spine.http import create_api
from tests.stager.figures import DUE_ON, loan_cured, loan_overdue
from tests.stager.promising import team
from tests.stager.stand import Stand

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TODAY = DUE_ON + 31 * DAY
TOKEN = "t" * 32
STATED = StatedArrears(days_past_due=30, overdue_principal="900.00", overdue_interest="100.00")
OURS = StatedArrears(days_past_due=31, overdue_principal="900.00", overdue_interest="100.00")


def mismatch(as_of: date = TODAY, *, loan_id: str = "L1", borrower_id: str = "B1") -> StatementMismatch:
    return StatementMismatch(
        borrower_id=borrower_id,
        loan_id=loan_id,
        currency="CNY",
        as_of=as_of,
        stated=STATED,
        ledger=OURS,
        differences=("days_past_due",),
    )


def matched(as_of: date = TODAY, *, resolution: str | None = None) -> StatementMatched:
    return StatementMatched(
        borrower_id="B1",
        loan_id="L1",
        currency="CNY",
        as_of=as_of,
        stated=OURS,
        ledger=OURS,
        resolution=resolution,
    )


def in_transit(
    since: datetime, until: datetime, *, kind: TransitKind = "debit", ref: str = "D1"
) -> PaymentInTransit:
    return PaymentInTransit(
        borrower_id="B1",
        loan_id="L1",
        transit_id=f"{kind}:{ref}",
        kind=kind,
        currency="CNY",
        since=since,
        until=until,
        amount="1000.00",
        origin=ref,
    )


def ended(
    at: datetime,
    outcome: Literal["posted", "failed", "expired"],
    *,
    kind: TransitKind = "debit",
    ref: str = "D1",
    reason: str | None = None,
) -> PaymentTransitEnded:
    return PaymentTransitEnded(
        borrower_id="B1",
        loan_id="L1",
        transit_id=f"{kind}:{ref}",
        kind=kind,
        outcome=outcome,
        ended_at=at,
        reason=reason,
        origin=ref,
    )


async def in_second_stage(stager: Stand) -> None:
    """A loan that entered S2 today; its morning message is asked for."""
    await stager.tell(loan_overdue(as_of=TODAY))
    await stager.close(TODAY - DAY)
    await stager.at(stager.local(TODAY, 9))


async def told(stager: Stand) -> list[tuple[str, str]]:
    """What was told of holds and of contacts: (type, why or how)."""
    words = []
    for type_ in await stager.types():
        words.append(type_.removesuffix(".v1"))
    return [
        (word, str(data.get("ended_by") or data.get("reason") or data.get("kind")))
        for word, data in zip(words, await stager.said(), strict=True)
        if word.startswith(("hold.", "contact.withdrawn"))
    ]


async def case_of(stager: Stand) -> Any:
    [case] = await stager.rows("SELECT case_id FROM collection_case ORDER BY case_no DESC LIMIT 1")
    app = create_api(stager.service, stager.runtime, token=TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://stager",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:
        response = await client.get(f"/v1/cases/{case.case_id}")
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_mismatch_holds_contact_until_the_figures_match(stager: Stand) -> None:
    await in_second_stage(stager)
    await stager.tell(mismatch())
    assert await told(stager) == [("contact.withdrawn", "hold_verification"), ("hold.placed", "verification")]
    await stager.at(stager.local(TODAY, 19))
    assert len(await stager.said("contact.requested.v1")) == 1
    [hold] = (await case_of(stager))["holds"]
    assert (hold["active"], hold["origin"], hold["until"]) == (True, "statement", None)
    assert hold["reason"] == f"{TODAY}: days_past_due"
    await stager.tell(matched(resolution="booked in March"))
    assert (await told(stager))[2:] == [("hold.lifted", "facts")]
    [hold] = (await case_of(stager))["holds"]
    assert (hold["active"], hold["lift_reason"]) == (False, "booked in March")
    await stager.at(stager.local(TODAY + 2 * DAY, 9))
    assert len(await stager.said("contact.requested.v1")) == 2


async def test_another_mismatch_changes_nothing_while_one_is_open_and_is_a_new_hold_after(
    stager: Stand,
) -> None:
    await stager.tell(loan_overdue(as_of=TODAY), mismatch(), mismatch(TODAY + DAY))
    await stager.tell(mismatch(TODAY + 2 * DAY))
    assert len(await stager.said("hold.placed.v1")) == 1
    await stager.tell(matched(), mismatch(TODAY + 3 * DAY), matched(TODAY + 4 * DAY))
    await stager.tell(mismatch(TODAY + 5 * DAY))
    placed = [str(fact["hold_id"]) for fact in await stager.said("hold.placed.v1")]
    lifted = [str(fact["hold_id"]) for fact in await stager.said("hold.lifted.v1")]
    assert len(set(placed)) == len(placed) == 3
    assert lifted == placed[:2]


async def test_a_mismatch_ahead_of_its_turn_is_not_released_by_an_older_match(stager: Stand) -> None:
    await in_second_stage(stager)
    first, match, second = (stager.fact(fact) for fact in (mismatch(), matched(), mismatch(TODAY + DAY)))
    await stager.take([second], early=True)
    await stager.take([second], early=True)
    assert await told(stager) == [("hold.placed", "verification"), ("contact.withdrawn", "hold_verification")]
    await stager.take([first, match])
    await stager.take([second])
    assert len(await told(stager)) == 2
    await stager.tell(matched(TODAY + 2 * DAY))
    assert (await told(stager))[2:] == [("hold.lifted", "facts")]
    await stager.take([second])
    assert len(await told(stager)) == 3


async def test_a_mismatch_holds_the_stage_from_the_same_batch_on(stager: Stand) -> None:
    await stager.tell(loan_overdue(as_of=DUE_ON + 30 * DAY))
    await stager.close(DUE_ON + 29 * DAY)
    stager.set_time(stager.local(TODAY, 0, 10))
    await stager.take([stager.fact(mismatch()), *stager.closes(TODAY - DAY)])
    await stager.take([stager.fact(matched()), *stager.closes(TODAY)])
    entered = await stager.said("stage.entered.v1")
    assert [(entry["to"], entry["dpd"]) for entry in entered] == [("S1", 30), ("S2", 32)]


async def test_a_debit_holds_from_before_the_arrears_until_it_fails_and_says_why(stager: Stand) -> None:
    begins = stager.local(DUE_ON, 6)
    stager.set_time(begins)
    await stager.tell(in_transit(begins, begins + 60 * HOUR))
    await stager.tell(loan_overdue())
    await stager.close(DUE_ON)
    await stager.at(stager.local(DUE_ON + DAY, 10))
    assert await stager.said("contact.requested.v1") == []
    case = await case_of(stager)
    assert [(hold["kind"], hold["origin"]) for hold in case["holds"]] == [("payment_claim", "debit:D1")]
    assert case["loans"][0]["last_failed_debit"] is None
    failed_at = stager.local(DUE_ON + DAY, 11)
    stager.set_time(failed_at)
    await stager.tell(ended(failed_at, "failed", reason="insufficient"))
    assert await told(stager) == [("hold.placed", "payment_claim"), ("hold.lifted", "facts")]
    await stager.at(stager.local(DUE_ON + 2 * DAY, 10))
    assert len(await stager.said("contact.requested.v1")) == 1
    shown = (await case_of(stager))["loans"][0]["last_failed_debit"]
    assert (shown["debit"], shown["reason"]) == ("debit:D1", "insufficient")
    assert datetime.fromisoformat(shown["at"]) == failed_at


async def test_a_failure_of_a_debit_nobody_heard_of_is_kept_and_the_last_one_counts(stager: Stand) -> None:
    at = stager.local(DUE_ON, 6)
    first = stager.fact(ended(at, "failed", reason="limit"))
    await stager.take([stager.fact(ended(at + DAY, "failed", ref="D2", reason="card_invalid"))])
    await stager.take([first])
    await stager.tell(loan_overdue())
    shown = (await case_of(stager))["loans"][0]["last_failed_debit"]
    assert (shown["debit"], shown["reason"]) == ("debit:D2", "card_invalid")
    assert await told(stager) == []


@pytest.mark.parametrize("outcome", ["posted", "expired"])
async def test_a_stated_payment_holds_until_it_has_come_or_is_given_up(
    stager: Stand, outcome: Literal["posted", "expired"]
) -> None:
    await in_second_stage(stager)
    now = stager.local(TODAY, 9)
    await stager.tell(in_transit(now, now + 3 * DAY, kind="pending"))
    await stager.tell(ended(now, outcome, kind="pending"))
    assert await told(stager) == [
        ("contact.withdrawn", "hold_payment_claim"),
        ("hold.placed", "payment_claim"),
        ("hold.lifted", "facts"),
    ]


async def test_without_news_money_on_its_way_is_given_up_by_its_time(stager: Stand) -> None:
    await in_second_stage(stager)
    now = stager.local(TODAY, 9)
    await stager.tell(in_transit(now, now + 2 * HOUR))
    await stager.at(now + 2 * HOUR - timedelta(seconds=1))
    assert await stager.said("hold.lifted.v1") == []
    await stager.at(now + 2 * HOUR)
    await stager.tell(ended(now + 2 * HOUR, "expired"))
    assert [fact["ended_by"] for fact in await stager.said("hold.lifted.v1")] == ["expiry"]


async def test_a_debit_that_is_put_off_holds_longer_under_the_same_id(stager: Stand) -> None:
    await in_second_stage(stager)
    now = stager.local(TODAY, 9)
    first = stager.fact(in_transit(now, now + 2 * HOUR))
    put_off = stager.fact(in_transit(now, now + 9 * HOUR))
    await stager.take([put_off], early=True)
    await stager.take([first, put_off])
    placed = await stager.said("hold.placed.v1")
    assert [datetime.fromisoformat(str(fact["until"])) for fact in placed] == [now + 9 * HOUR]
    await stager.tell(in_transit(now, now + 10 * HOUR))
    placed = await stager.said("hold.placed.v1")
    assert datetime.fromisoformat(str(placed[-1]["until"])) == now + 10 * HOUR
    assert len({fact["hold_id"] for fact in placed}) == 1
    await stager.at(now + 9 * HOUR)
    assert await stager.said("hold.lifted.v1") == []


async def test_a_debit_still_on_its_way_outlasts_the_cure(stager: Stand) -> None:
    await in_second_stage(stager)
    now = stager.local(TODAY, 9)
    await stager.tell(in_transit(now, now + 9 * HOUR), loan_cured(as_of=TODAY))
    assert await stager.said("hold.lifted.v1") == []
    await stager.tell(ended(now, "posted"))
    assert [fact["ended_by"] for fact in await stager.said("hold.lifted.v1")] == ["facts"]


async def test_a_claim_is_held_from_where_it_was_made_and_ends_when_its_money_comes(stager: Stand) -> None:
    await in_second_stage(stager)
    now = stager.local(TODAY, 9)
    await stager.tell(PaymentClaimed(borrower_id="B1", loan_id="L1", contact_id="K1", at=now))
    await stager.tell(in_transit(now, now + 5 * DAY, kind="claim", ref="K1"))
    [placed] = await stager.said("hold.placed.v1")
    assert placed["origin"] == "K1"
    await stager.tell(ended(now, "expired", kind="claim", ref="K1"))
    assert await stager.said("hold.lifted.v1") == []
    await stager.tell(ended(now, "posted", kind="claim", ref="K1"))
    await stager.tell(ended(now, "posted", kind="claim", ref="K1"))
    [lifted] = await stager.said("hold.lifted.v1")
    assert (lifted["hold_id"], lifted["origin"], lifted["ended_by"]) == (placed["hold_id"], "K1", "facts")


async def test_money_that_is_here_before_its_claim_is_heard_leaves_no_hold(stager: Stand) -> None:
    await in_second_stage(stager)
    now = stager.local(TODAY, 9)
    await stager.tell(ended(now, "posted", kind="claim", ref="K1"))
    # Told as placed and lifted, so that the gate a claim closes elsewhere is open for good.
    assert await told(stager) == [("hold.placed", "payment_claim"), ("hold.lifted", "facts")]
    await stager.tell(PaymentClaimed(borrower_id="B1", loan_id="L1", contact_id="K1", at=now))
    assert len(await told(stager)) == 2
    await stager.at(stager.local(TODAY, 19))
    assert len(await stager.said("contact.requested.v1")) == 2


async def test_a_person_may_lift_such_a_hold_until_the_figures_differ_again(stager: Stand) -> None:
    await in_second_stage(stager)
    fact = stager.fact(mismatch())
    await stager.take([fact])
    [hold] = (await case_of(stager))["holds"]
    [case] = await stager.rows("SELECT case_id FROM collection_case")
    await team(stager, lena=["lead"])
    app = create_api(stager.service, stager.runtime, token=TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://stager",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:
        path = f"/v1/cases/{case.case_id}/holds/{hold['hold_id']}/lift"
        lift = {"by": "lena", "reason": "looked into"}
        missing = await client.post(path, json=lift)
        assert (missing.status_code, missing.json()["code"]) == (422, "hold_incomplete")
        lifted = await client.post(path, json={**lift, "findings": {"verified": "figures are ours"}})
        assert lifted.status_code == 200
    await stager.take([fact])
    assert len(await stager.said("hold.placed.v1")) == 1
    await stager.tell(mismatch(TODAY + DAY))
    assert len({fact["hold_id"] for fact in await stager.said("hold.placed.v1")}) == 2

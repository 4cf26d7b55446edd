"""A hold closes what its kind closes and nothing more; the fence closes everything; both sides of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from spine.events.contact_log import (
    ContactRecorded,
    DangerReported,
    DeathReported,
    PaymentClaimed,
    ThirdPartyRefused,
    WrongNumberReported,
)
from spine.events.parties import ContactPoint
from spine.events.registry import Event
from spine.events.stager import ContactPurpose, HoldKind, HoldLifted, HoldPlaced
from tests.notifier.world import NOON, World, cured, settled
from tests.runtimes import emitted

Make = Callable[..., Awaitable[World]]


def placed(kind: HoldKind, hold_id: str = "H1", loan_id: str = "L1", borrower_id: str = "B1") -> HoldPlaced:
    return HoldPlaced(
        borrower_id=borrower_id,
        loan_id=loan_id,
        hold_id=hold_id,
        kind=kind,
        placed_at=NOON,
        freezes_interest=False,
    )


def lifted(kind: HoldKind, origin: str, hold_id: str = "H1") -> HoldLifted:
    return HoldLifted(
        borrower_id="B1",
        loan_id="L1",
        hold_id=hold_id,
        kind=kind,
        lifted_at=NOON,
        freezes_interest=False,
        ended_by="person",
        origin=origin,
    )


def asked_back() -> ContactRecorded:
    """The person called an hour ago."""
    return ContactRecorded(
        borrower_id="B1",
        contact_id="C0",
        channel="call",
        direction="inbound",
        outcome="conversation",
        at=NOON - timedelta(hours=1),
    )


async def become(it: World, purpose: ContactPurpose = "collection", request_id: str = "R1") -> list[str]:
    """What becomes of a text of a purpose: its last fact, and the rules of it."""
    await it.request(request_id, "L1", "B1", purpose=purpose)
    await it.tick()
    await it.send()
    return [(await it.words())[-1], *(await it.rules())[-1]]


@pytest.mark.parametrize(
    ("kind", "purpose", "passes"),
    [
        ("promise_open", "reminder_due", True),
        ("promise_open", "collection", False),
        ("plan_active", "reminder_due", True),
        ("plan_active", "collection", False),
        ("payment_claim", "service", True),
        ("payment_claim", "reminder_due", False),
        ("payment_claim", "collection", False),
        ("dispute", "reply_to_inbound", True),
        ("dispute", "reminder_due", False),
        ("verification", "collection", False),
        ("fraud_claim", "collection", False),
        ("cease", "service", False),
        ("cease", "statutory_notice", True),
        ("insolvency", "reminder_due", False),
        ("legal", "statutory_notice", True),
        ("breathing_space", "reply_to_inbound", True),
        ("breathing_space", "reminder_due", False),
        # Calls alone are stopped by a complaint; a text is not a call.
        ("complaint_open", "collection", True),
        # Nothing that runs by itself goes to a vulnerable person.
        ("vulnerable", "reminder_due", False),
        ("vulnerable", "service", False),
        ("bereavement", "statutory_notice", False),
        ("attorney", "collection", False),
    ],
)
async def test_a_hold_closes_what_its_kind_closes(
    world: Make, kind: HoldKind, purpose: ContactPurpose, passes: bool
) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.take(placed(kind))
    if purpose == "reply_to_inbound":
        await it.take(asked_back())
    expected = ["accepted"] if passes else ["suppressed", f"HOLD-{kind}"]
    assert await become(it, purpose) == expected


async def test_an_answer_to_nobody_is_a_collection_contact(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.take(placed("dispute"))
    assert await become(it, "reply_to_inbound") == ["suppressed", "HOLD-dispute"]


@pytest.mark.parametrize("purpose", ["collection", "reminder_due", "service", "statutory_notice"])
@pytest.mark.parametrize("end", [cured("L1", "B1"), settled("L1", "B1")])
async def test_the_fence_closes_every_purpose_whatever_holds_allow(
    world: Make, purpose: ContactPurpose, end: Event
) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.take(placed("promise_open"))
    await it.take(end, seq=2)
    assert await become(it, purpose) == ["suppressed", "FENCE-arrears"]


async def test_two_holds_close_what_either_closes_and_both_are_named(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.take(placed("promise_open", "H1"), placed("dispute", "H2"))
    assert await become(it, "reminder_due") == ["suppressed", "HOLD-dispute"]
    await it.take(lifted("dispute", "C9", "H2"))
    assert await become(it, "reminder_due", "R2") == ["accepted"]
    assert await become(it, "collection", "R3") == ["suppressed", "HOLD-promise_open"]


async def test_a_hold_of_a_clock_that_is_ahead_holds_already(world: Make) -> None:
    it = await world(now=NOON - timedelta(seconds=30))
    await it.ready(("L1", "B1"))
    await it.take(placed("dispute"))
    assert await become(it) == ["suppressed", "HOLD-dispute"]


async def test_a_suppressed_message_keeps_the_facts_it_was_decided_on(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.take(placed("dispute"))
    await become(it)
    async with it.runtime.transaction() as tx:
        row = (await tx.execute("SELECT facts_digest, engine FROM decision")).one()
    assert row.facts_digest is not None and row.engine.startswith("decide-")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (DeathReported(borrower_id="B1", contact_id="C1", at=NOON), "bereavement"),
        (DangerReported(borrower_id="B1", contact_id="C1", at=NOON, sign="self_harm"), "vulnerable"),
    ],
)
@pytest.mark.parametrize("early", [False, True])
async def test_what_is_said_of_a_person_closes_all_their_loans_until_the_hold_is_lifted(
    world: Make, said: Event, kind: HoldKind, early: bool
) -> None:
    it = await world()
    await it.ready(("L1", "B1"), ("L2", "B1"), ("L3", "B3"))
    await it.take(said, early=early)
    assert await become(it) == ["suppressed", f"HOLD-{kind}"]
    await it.request("R2", "L2", "B1")
    await it.request("R3", "L3", "B3")
    await it.send()
    assert sorted(await it.words()) == ["accepted", "suppressed", "suppressed"]
    await it.take(lifted(kind, "C1"))
    await it.take(said)
    assert await become(it, request_id="R4") == ["accepted"]


def phone(id: str, address: str, channel: str = "sms") -> ContactPoint:
    return ContactPoint(id=id, channel=channel, address=address, consent="given")  # type: ignore[arg-type]


async def refs(it: World) -> dict[str, str]:
    """The references of the borrower's contact points by their ids."""
    async with it.runtime.transaction() as tx:
        rows = await tx.execute("SELECT point_id, ref FROM contact_point")
        return {row.point_id: row.ref for row in rows}


async def test_a_wrong_number_is_not_used_again_under_any_name_and_another_is(world: Make) -> None:
    it = await world()
    points = (phone("p1", "13800138000"), phone("p2", "13900139000"), phone("p3", "13800138000", "call"))
    await it.borrower("B1", contact_points=points)
    await it.overdue("L1", "B1")
    named = await refs(it)
    wrong = WrongNumberReported(borrower_id="B1", contact_id="C1", at=NOON, contact_ref=named["p3"])
    await it.take(wrong, wrong)
    assert await become(it) == ["accepted"]
    assert [m["to"] for m in it.gateway.taken.values()] == ["+8613900139000"]
    # The same number under a new name is the same number.
    await it.borrower("B1", contact_points=(phone("p9", "138 0013 8000"),))
    assert await become(it, request_id="R2") == ["suppressed", "HOLD-wrong_number"]
    await it.borrower("B1", contact_points=(phone("p8", "13700137000"),))
    assert await become(it, request_id="R3") == ["accepted"]


@pytest.mark.parametrize(("channel", "passes"), [("call", True), ("sms", False), (None, False)])
async def test_a_wrong_number_without_a_name_is_any_of_its_channel(
    world: Make, channel: str | None, passes: bool
) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.take(WrongNumberReported(borrower_id="B1", contact_id="C1", at=NOON, channel=channel))
    assert await become(it) == (["accepted"] if passes else ["suppressed", "HOLD-wrong_number"])


async def test_a_refusal_of_someone_else_leaves_the_borrower(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    refusal = ThirdPartyRefused(borrower_id="B1", party_id="P9", contact_id="C1", at=NOON)
    await it.take(refusal, refusal)
    assert await become(it) == ["accepted"]


@pytest.mark.parametrize(
    ("stop", "held_back"),
    [
        (placed("dispute"), True),
        (placed("complaint_open"), False),
        (DangerReported(borrower_id="B1", contact_id="C1", at=NOON, sign="threat"), True),
        (WrongNumberReported(borrower_id="B1", contact_id="C1", at=NOON, channel="sms"), True),
        (PaymentClaimed(borrower_id="B1", loan_id="L1", contact_id="C1", at=NOON), True),
    ],
)
async def test_a_stop_while_the_sender_pauses_keeps_the_bytes_back_if_it_closes_them(
    world: Make, stop: Event, held_back: bool
) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    reservation = await it.reserve()
    await it.take(stop)
    for key, messages in reservation.requests.items():
        await it.sender.hand_over(key, messages, committed_at=float("-inf"))
    assert len(it.gateway.taken) == (0 if held_back else 1)


async def test_a_hold_and_a_send_at_once_come_one_after_the_other(world: Make) -> None:
    it = await world()
    loans = [(f"L{n}", f"B{n}") for n in range(8)]
    await it.ready(*loans)
    for loan, borrower in loans:
        await it.request(f"R-{loan}", loan, borrower)
    holds = [it.take(placed("dispute", f"H-{loan}", loan, borrower)) for loan, borrower in loans]
    await asyncio.gather(it.send(), *holds)
    await it.tick()
    await it.send()
    by_loan = {str(fact["loan_id"]): word for word, fact in await it.facts()}
    assert set(by_loan.values()) <= {"accepted", "suppressed"} and len(by_loan) == 8
    assert len(it.gateway.taken) == list(by_loan.values()).count("accepted")


@pytest.mark.parametrize(("outcome", "counts"), [("dispute", True), ("no_answer", False), ("denied", False)])
async def test_what_people_report_counts_as_what_it_was(world: Make, outcome: str, counts: bool) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    calls = [
        ContactRecorded(
            borrower_id="B1",
            contact_id=f"C{n}",
            channel="call",
            direction="outbound",
            outcome=outcome,
            at=NOON - timedelta(hours=n),
            loan_id="L1",
        )
        for n in range(1, 6)
    ]
    await it.take(*calls)
    # Five touches a day: conversations are touches, tries are not.
    assert (await become(it))[0] == ("deferred" if counts else "accepted")
    assert all(type_ != "permit.granted.v1" for type_, _ in await emitted(it.runtime))

"""Money that the ledger took in or gave back is kept: what was agreed is judged by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from spine.database import Tx
from spine.envelope import Envelope
from spine.events.ledger import LedgerRepaymentChargedBack, LedgerRepaymentReversed, RepaymentReceived
from spine.money import parse_minor
from spine.service import Received
from stager.policy import House
from stager.store.money import ChargeBack, MoneyRow, keep_charge_backs, keep_money

MoneyFact = RepaymentReceived | LedgerRepaymentReversed


async def take_money(tx: Tx, events: Sequence[Received], house: House) -> dict[str, Envelope]:
    """Keeps the money of a batch; returns the loans whose money is not what it was, each with its last fact.

    All money is kept, also of loans not in arrears: a promise may count what came in on the day it was made, before
    the arrears were told. What no promise or plan can need is forgotten by the close (`forget_money`). The same
    fact again changes nothing, and what takes money back may come before its repayment.
    """
    policy = house.rulebook.promises.on(house.today(tx.now)).policy
    rows: dict[tuple[str, str], MoneyRow] = {}
    backs: dict[str, ChargeBack] = {}
    causes: dict[str, Envelope] = {}
    for received in events:
        fact = received.event
        if isinstance(fact, LedgerRepaymentChargedBack):
            backs[received.envelope.id] = _charge_back(fact, received, policy.money_kept_days)
            causes[fact.loan_id] = received.envelope
        if not isinstance(fact, MoneyFact):
            continue
        key = (fact.loan_id, fact.repayment_id)
        row = _row(fact, received.partition, policy.money_kept_days)
        rows[key] = _merged(rows[key], row) if key in rows else row
        causes[fact.loan_id] = received.envelope
    today = house.today(tx.now)
    moved = await keep_money(tx, list(rows.values()), today)
    moved |= await keep_charge_backs(tx, list(backs.values()), today)
    return {loan_id: cause for loan_id, cause in causes.items() if loan_id in moved}


def _row(fact: MoneyFact, partition: int, kept_days: int) -> MoneyRow:
    received = fact if isinstance(fact, RepaymentReceived) else None
    reversed_on = None if isinstance(fact, RepaymentReceived) else fact.reversed_on
    day = fact.value_date if isinstance(fact, RepaymentReceived) else fact.reversed_on
    return MoneyRow(
        loan_id=fact.loan_id,
        repayment_id=fact.repayment_id,
        borrower_id=fact.borrower_id,
        partition=partition,
        currency=fact.currency,
        amount_minor=parse_minor(fact.amount, fact.currency),
        value_date=received.value_date if received else None,
        posted_at=received.posted_at if received else None,
        reversed_on=reversed_on,
        forget_on=day + timedelta(days=kept_days),
    )


def _charge_back(fact: LedgerRepaymentChargedBack, received: Received, kept_days: int) -> ChargeBack:
    return ChargeBack(
        fact_id=received.envelope.id,
        loan_id=fact.loan_id,
        repayment_id=fact.repayment_id,
        borrower_id=fact.borrower_id,
        partition=received.partition,
        amount_minor=parse_minor(fact.amount, fact.currency),
        charged_back_on=fact.charged_back_on,
        forget_on=fact.charged_back_on + timedelta(days=kept_days),
    )


def _merged(first: MoneyRow, second: MoneyRow) -> MoneyRow:
    return replace(
        first,
        value_date=first.value_date or second.value_date,
        posted_at=first.posted_at or second.posted_at,
        reversed_on=first.reversed_on or second.reversed_on,
    )

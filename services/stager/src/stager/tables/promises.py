"""Money as the ledger told it, promises judged by it, their reminders, and claims of money on its way."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from stager.tables.cases import HOLD
from stager.tables.metadata import METADATA, instant

#: What promises and plans are judged by. `forget_on`: when the row goes unless its loan was in arrears by then;
#: null once it was. A reversal known before its repayment has no value date yet, and counts for nothing.
MONEY: Final = Table(
    "money",
    METADATA,
    Column("loan_id", Text, nullable=False),
    Column("repayment_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("value_date", Date),
    instant("posted_at", nullable=True),
    Column("reversed_on", Date),
    Column("forget_on", Date),
    PrimaryKeyConstraint("loan_id", "repayment_id", name="money_pk"),
    CheckConstraint("(value_date IS NULL) = (posted_at IS NULL)", name="money_posted"),
)
Index("money_forget", MONEY.c.partition, MONEY.c.forget_on, postgresql_where=MONEY.c.forget_on.isnot(None))

#: Money of a repayment that the payer's bank took back: not always all of it, nor at once. Named by the fact that
#: told it, since the same may happen twice; it may be known before its repayment. `forget_on` as of money.
CHARGE_BACK: Final = Table(
    "charge_back",
    METADATA,
    Column("fact_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("repayment_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("charged_back_on", Date, nullable=False),
    Column("forget_on", Date),
    PrimaryKeyConstraint("fact_id", name="charge_back_pk"),
)
Index("charge_back_money", CHARGE_BACK.c.loan_id, CHARGE_BACK.c.repayment_id)
Index(
    "charge_back_forget",
    CHARGE_BACK.c.partition,
    CHARGE_BACK.c.forget_on,
    postgresql_where=CHARGE_BACK.c.forget_on.isnot(None),
)

#: `due_on`: the last day whose money counts, and whose close judges the promise. `base_minor`: what of the money
#: from `counts_from` on belongs to the promise before this one, whose second date this is.
PROMISE: Final = Table(
    "promise",
    METADATA,
    Column("promise_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("tolerance_minor", BigInteger, nullable=False),
    Column("base_minor", BigInteger, nullable=False),
    Column("counts_from", Date, nullable=False),
    Column("counts_through", Date, nullable=False),
    Column("promised_on", Date, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("second_on", Date),
    Column("second_minor", BigInteger),
    Column("follows", Text),
    Column("stage", Text),
    instant("made_at"),
    Column("verified", Boolean, nullable=False),
    Column("channel", Text),
    Column("contact_id", Text),
    Column("made_by", Text),
    Column("approved_by", Text),
    Column("policy_digest", Text, nullable=False),
    Column("request_digest", Text, nullable=False),
    Column("hold_id", Text, nullable=False),
    Column("received_minor", BigInteger),
    Column("reason", Text),
    instant("changed_at"),
    PrimaryKeyConstraint("promise_id", name="promise_pk"),
    CheckConstraint(
        "status = ANY (ARRAY['open'::text, 'kept'::text, 'partial'::text, 'broken'::text, 'cancelled'::text,"
        " 'superseded'::text])",
        name="promise_status",
    ),
    CheckConstraint("amount_minor > 0", name="promise_amount"),
)
Index("promise_borrower", PROMISE.c.borrower_id)
Index("promise_loan", PROMISE.c.loan_id)
Index("promise_open", PROMISE.c.loan_id, unique=True, postgresql_where=text("status = 'open'::text"))
Index("promise_due", PROMISE.c.partition, PROMISE.c.due_on, postgresql_where=text("status = 'open'::text"))

#: A reminder of an open promise that is still to be decided.
PROMISE_REMINDER: Final = Table(
    "promise_reminder",
    METADATA,
    Column("promise_id", Text, nullable=False),
    Column("days_before", Integer, nullable=False),
    Column("borrower_id", Text, nullable=False),
    instant("due_at"),
    PrimaryKeyConstraint("promise_id", "days_before", name="promise_reminder_pk"),
)
Index("promise_reminder_due", PROMISE_REMINDER.c.due_at)

#: "I paid": what was said of it and shown for it. Of an account only its last digits are kept.
PAYMENT_CLAIM: Final = Table(
    "payment_claim",
    METADATA,
    Column("hold_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("contact_id", Text),
    Column("status", Text, nullable=False),
    instant("claimed_at"),
    instant("check_at", nullable=True),
    Column("amount", Text),
    Column("bank", Text),
    Column("last_digits", Text),
    instant("paid_at", nullable=True),
    Column("repayment_id", Text),
    instant("extended_at", nullable=True),
    Column("extended_by", Text),
    instant("settled_at", nullable=True),
    Column("settled_by", Text),
    Column("reason", Text),
    PrimaryKeyConstraint("hold_id", name="payment_claim_pk"),
    CheckConstraint(
        "status = ANY (ARRAY['open'::text, 'matched'::text, 'unmatched'::text, 'rejected'::text])",
        name="payment_claim_status",
    ),
)
Index("payment_claim_loan", PAYMENT_CLAIM.c.loan_id)
Index("payment_claim_open", PAYMENT_CLAIM.c.check_at, postgresql_where=text("status = 'open'::text"))
#: Claims that hold a loan, however they came: by what was said, or by a person. Not those of the ledger's transits.
Index(
    "hold_claims",
    HOLD.c.placed_at,
    postgresql_where=text("kind = 'payment_claim'::text AND ledger_seq IS NULL AND lifted_at IS NULL"),
)

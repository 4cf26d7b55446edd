"""What the rules of the stager's state machine share: the life they act on, and the values they draw."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from spine.events.notifier import (
    MessageAccepted,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageRejected,
    MessageSuppressed,
)
from tests.stager.life import House, How, Life
from tests.stager.reference import OF_PERSONS

FINDINGS: Final = (
    "verified",
    "answered",
    "finding",
    "representative",
    "review",
    "restarted",
    "court_closing",
)
OUTCOMES: Final = (
    MessageAccepted,
    MessageDelivered,
    MessageFailed,
    MessageSuppressed,
    MessageExpired,
    MessageRejected,
)
RESULTS: Final = (
    "none",
    "none",
    "promise",
    "paid_claim",
    "dispute",
    "complaint",
    "hardship",
    "call_back",
    "threat",
)
# Mostly one loan, so that what happens meets.
loan_ids = st.sampled_from(["L1"] * 4 + ["L2"] * 2 + ["L3"])
# Both sides of every edge of the stages, and days between.
days_past_due = st.sampled_from([1, 2, 5, 29, 30, 31, 32, 45, 59, 60, 61, 75, 89, 90, 91, 120])
hows = st.sampled_from(
    [How()] * 6
    + [How(last=False)] * 2
    + [How(twice=True), How(early=True), How(last=False, early=True), How(late=True)]
)
amounts = st.sampled_from(["1001.35", "1001.35", "1000.00", "400.00"])
placed_by_hand = st.sampled_from(
    ["verification", "dispute", "payment_claim", "complaint_open", "legal", *sorted(OF_PERSONS)]
)
# So many dates close under what has just stopped something: a stage may end meanwhile.
some_time = st.sampled_from([0, 0, 0, 3, 31])
lengths = st.sampled_from([1, 2, 3, 6, 12, 24, 24, 30, 72, 240]).map(lambda hours: timedelta(hours=hours))


class Living(RuleBasedStateMachine):
    """Two borrowers; one has two loans. What the ledger holds is kept beside the life."""

    house: House

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(self.house)
        #: What the ledger holds: loans in arrears, and money by id.
        self.in_arrears: set[str] = set()
        self.money: dict[str, tuple[str, str]] = {}
        self.transits: dict[str, tuple[str, str]] = {}
        self.complaints: list[tuple[str, str]] = []

    def is_in_arrears(self, loan_id: str) -> bool:
        """Whether the loan has an open episode by the reference."""
        return self.life.reference.loans[loan_id].is_open

"""What the ledger reads: core banking's facts about loans and money."""

from __future__ import annotations

from functools import partial
from typing import Final

from ledger.handlers import Intake, take_in
from spine.events.corebanking import COREBANKING, LoanOpened, RepaymentPosted, RepaymentReversed
from spine.service import Consume

CONSUMES: Final = ((COREBANKING, (LoanOpened, RepaymentPosted, RepaymentReversed)),)


def consumes(intake: Intake) -> tuple[Consume, ...]:
    """The topics with their handler."""
    return tuple(Consume(topic, types, partial(take_in, to=intake)) for topic, types in CONSUMES)

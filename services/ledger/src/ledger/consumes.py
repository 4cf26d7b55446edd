"""What the ledger reads: core banking's facts; what people decided of interest and waivers; claims to have paid."""

from __future__ import annotations

from functools import partial
from typing import Final

from ledger.applying import AMENDMENTS
from ledger.handlers.core_facts import Intake, take_in
from ledger.handlers.people_facts import take_claims, take_decisions
from spine.events.agreements import WaiverApproved, WaiverLapsed
from spine.events.contact_log import CONTACT_LOG, PaymentClaimed
from spine.events.corebanking import COREBANKING, ArrearsStated, FeedHeartbeat, LoanImported, LoanOpened
from spine.events.payments import (
    DebitFailed,
    DebitScheduled,
    RepaymentPending,
    RepaymentPosted,
    RepaymentReversed,
)
from spine.events.stager import STAGER, HoldLifted, HoldPlaced
from spine.service import Consume

_FROM_THE_CORE: Final = (
    LoanOpened,
    LoanImported,
    *AMENDMENTS,
    RepaymentPosted,
    RepaymentReversed,
    RepaymentPending,
    DebitScheduled,
    DebitFailed,
    ArrearsStated,
    FeedHeartbeat,
)

CONSUMES: Final = (
    (COREBANKING, _FROM_THE_CORE),
    (STAGER, (HoldPlaced, HoldLifted, WaiverApproved, WaiverLapsed)),
    (CONTACT_LOG, (PaymentClaimed,)),
)


def consumes(intake: Intake) -> tuple[Consume, ...]:
    """The topics with their handlers. What people do holds no tick back: the fence is about money."""
    (core, core_types), (stager, stager_types), (contact_log, contact_log_types) = CONSUMES
    return (
        Consume(core, core_types, partial(take_in, to=intake)),
        Consume(stager, stager_types, partial(take_decisions, to=intake), holds_ticks=False),
        Consume(contact_log, contact_log_types, partial(take_claims, to=intake), holds_ticks=False),
    )

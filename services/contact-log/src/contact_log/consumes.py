"""What the contact log hears: each fact about a message or a permit, and the work that people finished."""

from __future__ import annotations

from typing import Final

from contact_log.handlers import keep_told
from spine.events.notifier import (
    NOTIFIER,
    MessageAccepted,
    MessageDeferred,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageRejected,
    MessageSuppressed,
    MessageUnknown,
    PermitGranted,
    PermitRefused,
)
from spine.events.replies import InboundReceived
from spine.events.stager import STAGER
from spine.events.tasks import TaskClosed
from spine.service import Consume

CONSUMES: Final = (
    Consume(
        NOTIFIER,
        (
            MessageAccepted,
            MessageRejected,
            MessageUnknown,
            MessageDelivered,
            MessageFailed,
            MessageSuppressed,
            MessageDeferred,
            MessageExpired,
            PermitGranted,
            PermitRefused,
            InboundReceived,
        ),
        keep_told,
    ),
    # Ticks wait for it: a dispute or a claim of payment said in a call comes this way, and a tick says that no stop
    # is still under way.
    Consume(STAGER, (TaskClosed,), keep_told),
)

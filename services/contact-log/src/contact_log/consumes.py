"""What the contact log hears: every fact the notifier tells about a message."""

from __future__ import annotations

from typing import Final

from contact_log.handlers import keep_messages
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
)
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
        ),
        keep_messages,
    ),
)

"""Standard Webhooks signatures: who sends us receipts, and how a gateway knows that it is we who ask."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets as randomness
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from standardwebhooks.webhooks import Webhook

from spine.errors import TactError

#: How far the sender's wall clock may be from ours, either way.
TOLERANCE = timedelta(minutes=5)
_MAX_SIGNATURES = 16
_MAX_ID_CHARS = 256


class BadSignature(TactError):
    """The request is not signed as it must be with the secret agreed on, or its time is too far off."""

    code = "bad_signature"
    status = 401


def new_secret() -> str:
    """A fresh secret in the form both sides keep it: whsec_ and 32 random bytes in base64."""
    return "whsec_" + base64.b64encode(randomness.token_bytes(32)).decode()


def sign(secret: str, msg_id: str, timestamp: datetime, body: bytes) -> dict[str, str]:
    """The headers that sign a body (UTF-8) sent under an id at a wall-clock instant."""
    at = timestamp.astimezone(UTC)
    return {
        "webhook-id": msg_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(msg_id, at, body.decode()),
    }


def verify(secrets: Sequence[str], headers: Mapping[str, str], raw_body: bytes, now: datetime) -> str:
    """The webhook id, once one signature fits one of the secrets and the timestamp is near `now` (wall clock).

    Several secrets allow for rotation. Raises BadSignature. Whoever calls keeps the id and refuses it a
    second time.
    """
    given = {name.lower(): value for name, value in headers.items() if name.lower().startswith("webhook-")}
    msg_id = given.get("webhook-id", "")
    stamp = given.get("webhook-timestamp", "")
    if not 0 < len(msg_id) <= _MAX_ID_CHARS or not (stamp.isascii() and stamp.isdigit()) or len(stamp) > 12:
        raise BadSignature
    at = datetime.fromtimestamp(int(stamp), UTC)
    if abs(now - at) > TOLERANCE:
        raise BadSignature("The request's timestamp is more than 5 minutes off.")
    try:
        body = raw_body.decode()
        offered = [
            base64.b64decode(signature, validate=True)
            for version, _, signature in (
                part.partition(",") for part in given.get("webhook-signature", "").split()[:_MAX_SIGNATURES]
            )
            if version == "v1"
        ]
    except (UnicodeDecodeError, binascii.Error, ValueError):
        raise BadSignature from None
    expected = [
        base64.b64decode(Webhook(secret).sign(msg_id, at, body).partition(",")[2]) for secret in secrets
    ]
    # Every pair is compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(one, other) for one in expected for other in offered]
    if not any(matches):
        raise BadSignature
    return msg_id

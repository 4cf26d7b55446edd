"""Signatures follow Standard Webhooks: any change, another secret or an old timestamp is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from notifier.gateways.signatures import BadSignature, new_secret, sign, verify

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
SECRET = new_secret()
BODY = '{"receipts":["您好"]}'.encode()


def test_what_is_signed_verifies_and_gives_its_id() -> None:
    assert verify([SECRET], sign(SECRET, "msg_1", NOW, BODY), BODY, NOW) == "msg_1"


def test_the_specifications_example_has_its_signature() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_the_library_accepts_what_we_sign() -> None:
    headers = sign(SECRET, "msg_1", datetime.now(UTC), BODY)
    assert Webhook(SECRET).verify(BODY, headers) == {"receipts": ["您好"]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", "msg_2"),
        ("webhook-id", ""),
        ("webhook-timestamp", "1795492801"),
        ("webhook-timestamp", "soon"),
        ("webhook-timestamp", "9" * 40),
        ("webhook-timestamp", "-5"),
        ("webhook-timestamp", "٣"),
        ("webhook-signature", ""),
        ("webhook-signature", "v1"),
        ("webhook-signature", "v1,###"),
        ("webhook-signature", "v1,AAAA"),
    ],
)
def test_a_changed_header_is_refused(name: str, value: str) -> None:
    headers = sign(SECRET, "msg_1", NOW, BODY) | {name: value}
    with pytest.raises(BadSignature):
        verify([SECRET], headers, BODY, NOW)


def test_another_version_of_a_signature_does_not_count() -> None:
    headers = sign(SECRET, "msg_1", NOW, BODY)
    headers["webhook-signature"] = headers["webhook-signature"].replace("v1,", "v1a,")
    with pytest.raises(BadSignature):
        verify([SECRET], headers, BODY, NOW)


@pytest.mark.parametrize("body", [BODY + b" ", b"", b"\xff\xfe"])
def test_a_changed_body_is_refused(body: bytes) -> None:
    with pytest.raises(BadSignature):
        verify([SECRET], sign(SECRET, "msg_1", NOW, BODY), body, NOW)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}])
def test_an_unsigned_request_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        verify([SECRET], headers, BODY, NOW)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_timestamp_more_than_five_minutes_off_is_refused(seconds: int) -> None:
    headers = sign(SECRET, "msg_1", NOW + timedelta(seconds=seconds), BODY)
    with pytest.raises(BadSignature, match="5 minutes"):
        verify([SECRET], headers, BODY, NOW)


@pytest.mark.parametrize("seconds", [-300, 300])
def test_a_timestamp_five_minutes_off_is_taken(seconds: int) -> None:
    headers = sign(SECRET, "msg_1", NOW + timedelta(seconds=seconds), BODY)
    assert verify([SECRET], headers, BODY, NOW) == "msg_1"


def test_either_side_may_rotate_its_secret() -> None:
    old, new = new_secret(), new_secret()
    both = sign(new, "msg_1", NOW, BODY)
    both["webhook-signature"] += " " + sign(old, "msg_1", NOW, BODY)["webhook-signature"]
    assert verify([old], both, BODY, NOW) == "msg_1"
    assert verify([new, old], sign(old, "msg_1", NOW, BODY), BODY, NOW) == "msg_1"
    with pytest.raises(BadSignature):
        verify([new_secret()], both, BODY, NOW)

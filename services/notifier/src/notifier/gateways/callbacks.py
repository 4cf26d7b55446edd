"""Events that WeChat pushes, in its secure mode ("Message encryption and decryption" of its documentation).

`msg_signature` is a hash over our token, timestamp, nonce and the ciphertext, so what is in the event is
authentic. The plain mode signs nothing of the body and is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from notifier.gateways.signatures import TOLERANCE, BadSignature
from spine.errors import BadSchema

_BLOCK: Final = 32
_RANDOM_BYTES: Final = 16
_LENGTH_BYTES: Final = 4
MAX_EVENT_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class CallbackDoor:
    """`receiver`: our app id, which is inside the ciphertext."""

    token: str = field(repr=False)
    aes_key: bytes = field(repr=False)
    receiver: str

    @classmethod
    def of(cls, token: str, encoding_aes_key: str, receiver: str) -> CallbackDoor:
        """With the key as the platform shows it, 43 characters. Raises ValueError."""
        key = base64.b64decode(encoding_aes_key + "=", validate=True)
        if len(key) != _BLOCK:
            raise ValueError("an EncodingAESKey has 43 characters")
        return cls(token, key, receiver)

    def answer_check(self, query: Mapping[str, str], now: datetime) -> str:
        """What the platform wants to see when the address is set up: `echostr`, if it is the platform."""
        self._check_age(query, now)
        parts = sorted((self.token, query.get("timestamp", ""), query.get("nonce", "")))
        self._compare(parts, query.get("signature", ""))
        return query.get("echostr", "")

    def open(self, query: Mapping[str, str], body: bytes, now: datetime) -> tuple[str, dict[str, str]]:
        """The id of a pushed event and its fields. Raises BadSignature or BadSchema."""
        self._check_age(query, now)
        sealed = _fields(body).get("Encrypt", "")
        signature = query.get("msg_signature", "")
        self._compare(
            sorted((self.token, query.get("timestamp", ""), query.get("nonce", ""), sealed)), signature
        )
        return signature, _fields(self._decrypted(sealed))

    def _check_age(self, query: Mapping[str, str], now: datetime) -> None:
        stamp = query.get("timestamp", "")
        if not (stamp.isascii() and stamp.isdigit()) or len(stamp) > 12:
            raise BadSignature
        if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > TOLERANCE:
            raise BadSignature("The request's timestamp is more than 5 minutes off.")

    def _compare(self, parts: list[str], signature: str) -> None:
        # The platform's own scheme is SHA-1 over sorted parts; what it protects is encrypted besides.
        expected = hashlib.sha1("".join(parts).encode(), usedforsecurity=False).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise BadSignature

    def _decrypted(self, sealed: str) -> bytes:
        try:
            data = base64.b64decode(sealed, validate=True)
            decryptor = Cipher(algorithms.AES(self.aes_key), modes.CBC(self.aes_key[:16])).decryptor()
            plain = decryptor.update(data) + decryptor.finalize()
        except ValueError:
            raise BadSignature from None
        padding = plain[-1] if plain else 0
        start = _RANDOM_BYTES + _LENGTH_BYTES
        if not 1 <= padding <= _BLOCK or len(plain) < start + padding:
            raise BadSignature
        plain = plain[:-padding]
        end = start + int.from_bytes(plain[_RANDOM_BYTES:start])
        if plain[end:].decode("utf-8", "replace") != self.receiver:
            raise BadSignature
        return plain[start:end]


def _fields(xml: bytes) -> dict[str, str]:
    """The children of a small flat document; one with a document type is not one."""
    if len(xml) > MAX_EVENT_BYTES or b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise BadSchema("no event of the platform")
    try:
        root = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError):
        raise BadSchema("no event of the platform") from None
    return {child.tag: (child.text or "").strip() for child in root}

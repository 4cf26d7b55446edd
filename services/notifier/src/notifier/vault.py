"""Keeps personal data: encrypted under a key per person, found again by keyed hash, shown only masked."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import phonenumbers
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from spine.errors import TactError

_VERSION = b"\x01"
_NONCE_BYTES = 12
KEY_BYTES = 32
#: The id of the key that only makes blind indexes: it outlives every key-encryption key.
INDEX = "index"
_NATIONAL_REGION = "CN"
_PHONE = re.compile(r"\+?[\d\s().-]{5,24}")


class SealBroken(TactError):
    """Stored personal data does not open: it was moved, altered, or its key is not at hand."""

    code = "seal_broken"


class BadKeys(TactError):
    """The vault's keys are not usable: each is 32 bytes; `index` and the active one must be among them."""

    code = "bad_keys"


class Vault:
    """Encrypts with AES-256-GCM. `kek`: key-encryption keys by id and the index key; `active` wraps new keys.

    Envelope of a wrapped key: version, length and id of the KEK, nonce, sealed key. Old KEKs stay in the map
    until every key is wrapped anew (`rewrapped`). Whoever loses a person's wrapped key has erased the person.
    """

    def __init__(self, kek: Mapping[str, bytes], active: str) -> None:
        usable = all(len(key) == KEY_BYTES and 0 < len(key_id) < 128 for key_id, key in kek.items())
        if not usable or active not in kek or active == INDEX or INDEX not in kek:
            raise BadKeys
        self._kek = {key_id: AESGCM(key) for key_id, key in kek.items() if key_id != INDEX}
        self._index_key = kek[INDEX]
        self._active = active

    def new_subject_key(self) -> bytes:
        """A fresh data key for one person, wrapped: store it, nothing else of the key exists."""
        return self._wrap(AESGCM.generate_key(256))

    def rewrapped(self, wrapped: bytes) -> bytes:
        """The same data key under the active KEK: rotation touches keys only, never the data."""
        return self._wrap(self._unwrap(wrapped))

    def key_id(self, wrapped: bytes) -> str:
        """The id of the KEK that a wrapped key needs."""
        if wrapped[:1] != _VERSION or len(wrapped) < 2 or len(wrapped) < 2 + wrapped[1]:
            raise SealBroken
        return wrapped[2 : 2 + wrapped[1]].decode("ascii", "replace")

    def encrypt(self, wrapped: bytes, plaintext: str, aad: str) -> bytes:
        """Seals a text to its place: `aad` is table|column|row id, and it opens nowhere else."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._unwrap(wrapped)).encrypt(nonce, plaintext.encode(), _VERSION + aad.encode())
        return _VERSION + nonce + sealed

    def decrypt(self, wrapped: bytes, ciphertext: bytes, aad: str) -> str:
        """The text sealed at this place; SealBroken if it was moved, altered or belongs to another person."""
        if ciphertext[:1] != _VERSION:
            raise SealBroken
        nonce, sealed = ciphertext[1 : 1 + _NONCE_BYTES], ciphertext[1 + _NONCE_BYTES :]
        try:
            return AESGCM(self._unwrap(wrapped)).decrypt(nonce, sealed, _VERSION + aad.encode()).decode()
        except (InvalidTag, ValueError):
            raise SealBroken from None

    def blind_index(self, value: str) -> bytes:
        """HMAC-SHA256 of a normalised value: equal values are found without being readable."""
        return hmac.digest(self._index_key, normalised(value).encode(), hashlib.sha256)

    def _wrap(self, key: bytes) -> bytes:
        key_id = self._active.encode()
        head = _VERSION + bytes([len(key_id)]) + key_id
        nonce = os.urandom(_NONCE_BYTES)
        return head + nonce + self._kek[self._active].encrypt(nonce, key, head)

    def _unwrap(self, wrapped: bytes) -> bytes:
        kek = self._kek.get(self.key_id(wrapped))
        if kek is None:
            raise SealBroken("The key-encryption key of this person's data is not at hand.")
        head = 2 + wrapped[1]
        nonce, sealed = wrapped[head : head + _NONCE_BYTES], wrapped[head + _NONCE_BYTES :]
        try:
            return kek.decrypt(nonce, sealed, wrapped[:head])
        except (InvalidTag, ValueError):
            raise SealBroken from None


def normalised(value: str) -> str:
    """The form under which equal values are equal: E.164 for phone numbers, else NFKC, trimmed, case-folded."""
    plain = unicodedata.normalize("NFKC", value).strip()
    if _PHONE.fullmatch(plain):
        try:
            number = phonenumbers.parse(plain, _NATIONAL_REGION)
        except phonenumbers.NumberParseException:
            return plain
        if phonenumbers.is_possible_number(number):
            e164: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return e164
    return plain.casefold()


def mask(address: str, channel: str) -> str:
    """What may be shown of an address: 138****1234, l****@example.com, else its ends or beginning."""
    shown = unicodedata.normalize("NFKC", address).strip()
    if channel == "email" and "@" in shown:
        user, _, host = shown.rpartition("@")
        return f"{user[:1]}****@{host}"
    if channel in ("letter", "visit"):
        return f"{shown[:3]}****" if len(shown) > 6 else "****"
    if _PHONE.fullmatch(shown):
        shown = normalised(shown).removeprefix("+86").removeprefix("+")
    if len(shown) >= 11:
        return f"{shown[:3]}****{shown[-4:]}"
    return f"****{shown[-2:]}" if len(shown) >= 6 else "****"


def mask_id(number: str) -> str:
    """What may be shown of an identity number: its first and last few characters, all between hidden."""
    shown = unicodedata.normalize("NFKC", number).strip()
    ends = 4 if len(shown) >= 15 else 2
    if len(shown) <= 2 * ends + 2:
        return "*" * len(shown)
    return f"{shown[:ends]}{'*' * (len(shown) - 2 * ends)}{shown[-ends:]}"


def load_or_create_kek(path: Path) -> tuple[dict[str, bytes], str]:
    """The keys of the one-machine mode and the id of the active one, made at the first call; readable by its
    owner alone. Several processes may call this at once: all get the same keys."""
    if not path.exists():
        keys = {key_id: AESGCM.generate_key(256) for key_id in ("k1", INDEX)}
        text = {key_id: base64.b64encode(key).decode() for key_id, key in keys.items()}
        _write_once(path, json.dumps({"active": "k1", "keys": text}))
    try:
        data = json.loads(path.read_text())
        keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in data["keys"].items()}
        return keys, str(data["active"])
    except (ValueError, KeyError, AttributeError, TypeError):
        raise BadKeys(
            f"{path.name} is not a key file; restore it: without it stored people are lost"
        ) from None


def _write_once(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # A link fails where the file is there already, so the first process wins with a whole file.
        with contextlib.suppress(FileExistsError):
            Path(path).hardlink_to(name)
    finally:
        Path(name).unlink()

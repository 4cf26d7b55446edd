"""Personal data opens only in its place, with the person's key, under a key-encryption key at hand."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from notifier.vault import BadKeys, SealBroken, Vault, load_or_create_kek, mask, normalised

KEYS = {"k1": bytes(range(32)), "index": bytes(range(32, 64))}
AAD = "contact_point|address|cp1"

#: Made with the cipher's own primitives, not with the vault: the stored form may never change unnoticed.
WRAPPED = bytes.fromhex(
    "01026b31000102030405060708090a0b0743945881a0845cc508ddc0fda43622"
    "d387d567a42e092b603ebfde41345eed7fa20159adbe8d25937606452b02f210"
)
SEALED = bytes.fromhex("016465666768696a6b6c6d6e6fc04d3e5567a1f287fb55ab1b16a3fdb835be6cd6e33eb4a68c85a9")
INDEXED = bytes.fromhex("9289ec1cc590d5cf1d7557d15ff0b21408d24913c4a5b0cef5337de1d81871d9")


@pytest.fixture
def vault() -> Vault:
    return Vault(KEYS, "k1")


def test_the_stored_form_is_the_documented_one(vault: Vault) -> None:
    assert vault.decrypt(WRAPPED, SEALED, AAD) == "13812345678"
    assert vault.blind_index("13812345678") == INDEXED
    cipher = Cipher(algorithms.AES(bytes(range(64, 96))), modes.GCM(SEALED[1:13])).encryptor()
    cipher.authenticate_additional_data(b"\x01" + AAD.encode())
    text = cipher.update(b"13812345678") + cipher.finalize()
    assert b"\x01" + bytes(range(100, 112)) + text + cipher.tag == SEALED


@given(st.text(max_size=200))
def test_any_text_comes_back_and_no_two_ciphertexts_are_equal(text: str) -> None:
    vault = Vault(KEYS, "k1")
    key = vault.new_subject_key()
    first, second = (vault.encrypt(key, text, AAD) for _ in "12")
    assert vault.decrypt(key, first, AAD) == vault.decrypt(key, second, AAD) == text
    assert first != second


def test_a_ciphertext_moved_to_another_row_or_person_does_not_open(vault: Vault) -> None:
    mine, theirs = vault.new_subject_key(), vault.new_subject_key()
    sealed = vault.encrypt(mine, "13812345678", AAD)
    with pytest.raises(SealBroken):
        vault.decrypt(mine, sealed, "contact_point|address|cp2")
    with pytest.raises(SealBroken):
        vault.decrypt(theirs, sealed, AAD)


@pytest.mark.parametrize("place", [0, 1, 12, 13, 20, -1])
def test_a_changed_byte_anywhere_is_noticed(vault: Vault, place: int) -> None:
    broken = bytearray(SEALED)
    broken[place] ^= 1
    with pytest.raises(SealBroken):
        vault.decrypt(WRAPPED, bytes(broken), AAD)


@pytest.mark.parametrize("place", [0, 1, 2, 4, 20, -1])
def test_a_changed_byte_of_a_wrapped_key_is_noticed(vault: Vault, place: int) -> None:
    broken = bytearray(WRAPPED)
    broken[place] ^= 1
    with pytest.raises(SealBroken):
        vault.decrypt(bytes(broken), SEALED, AAD)


@pytest.mark.parametrize("short", [b"", b"\x01", b"\x01\x02k", SEALED[:12]])
def test_cut_data_is_noticed(vault: Vault, short: bytes) -> None:
    with pytest.raises(SealBroken):
        vault.decrypt(WRAPPED, short, AAD)
    with pytest.raises(SealBroken):
        vault.decrypt(short, SEALED, AAD)


def test_rotation_wraps_keys_anew_and_leaves_data_and_index_alone(vault: Vault) -> None:
    rotated = Vault(KEYS | {"k2": bytes(range(128, 160))}, "k2")
    rewrapped = rotated.rewrapped(WRAPPED)
    assert (rotated.key_id(WRAPPED), rotated.key_id(rewrapped)) == ("k1", "k2")
    retired = Vault({"k2": bytes(range(128, 160)), "index": KEYS["index"]}, "k2")
    assert retired.decrypt(rewrapped, SEALED, AAD) == "13812345678"
    assert retired.blind_index("13812345678") == INDEXED
    with pytest.raises(SealBroken, match="not at hand"):
        retired.decrypt(WRAPPED, SEALED, AAD)


def test_the_index_needs_its_own_key(vault: Vault) -> None:
    other = Vault(KEYS | {"index": bytes(32)}, "k1")
    assert other.blind_index("13812345678") != vault.blind_index("13812345678")


@pytest.mark.parametrize(
    ("keys", "active"),
    [
        ({"k1": bytes(32)}, "k1"),
        ({"k1": bytes(16), "index": bytes(32)}, "k1"),
        ({"k1": bytes(32), "index": bytes(32)}, "k2"),
        ({"k1": bytes(32), "index": bytes(32)}, "index"),
    ],
)
def test_keys_that_are_missing_or_short_are_refused(keys: dict[str, bytes], active: str) -> None:
    with pytest.raises(BadKeys):
        Vault(keys, active)


@pytest.mark.parametrize(
    "number",
    ["13812345678", "+86 138 1234 5678", "138-1234-5678", "008613812345678", "１３８１２３４５６７８"],
)
def test_a_number_is_found_however_it_is_written(vault: Vault, number: str) -> None:
    assert normalised(number) == "+8613812345678"
    assert vault.blind_index(number) == INDEXED


def test_what_is_no_number_is_only_trimmed_and_folded() -> None:
    assert normalised(" Li.Lei@Example.COM ") == "li.lei@example.com"
    assert normalised("11010519491231002X") == "11010519491231002x"
    assert normalised("+1 212 555 0123") == "+12125550123"


@pytest.mark.parametrize(
    ("address", "channel", "shown"),
    [
        ("13812345678", "sms", "138****5678"),
        ("+86 138 1234 5678", "call", "138****5678"),
        ("+12125550123", "sms", "121****0123"),
        ("li.lei@example.com", "email", "l****@example.com"),
        ("oX5aB3cD9eF7gH1i", "wechat", "oX5****gH1i"),
        ("lilei88", "wechat", "****88"),
        ("abc", "wechat", "****"),
        ("北京市朝阳区建国路1号", "visit", "北京市****"),
    ],
)
def test_a_mask_shows_the_ends_alone(address: str, channel: str, shown: str) -> None:
    assert mask(address, channel) == shown


def test_key_file_is_made_once_private_and_the_same_for_all_who_ask_at_once(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "kek"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: load_or_create_kek(path), range(16)))
    keys, active = answers[0]
    assert all(answer == (keys, active) for answer in answers)
    assert Vault(keys, active).new_subject_key()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["kek"]


@pytest.mark.parametrize("text", ["", "[]", '{"active": "k1"}', '{"active": "k1", "keys": {"k1": "?"}}'])
def test_a_broken_key_file_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "kek").write_text(text)
    with pytest.raises(BadKeys, match="not a key file"):
        load_or_create_kek(tmp_path / "kek")
    assert (tmp_path / "kek").read_text() == text

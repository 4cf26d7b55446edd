"""Packs are read strictly: what is wrong in a file keeps the process from starting, by file and place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import notifier
from notifier.policy import UnknownPack, load_packs
from notifier.vectors import run_vectors
from spine.policy import BadPolicy

SHIPPED = (Path(notifier.__file__).parent / "rules" / "cn.yaml").read_text()


def overridden(folder: Path, text: str) -> Path:
    (folder / "notifier").mkdir()
    (folder / "notifier" / "cn.yaml").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("limit: 3", "limit: 0", ">= 1"),
        ("limit: 3", "limits: 3", "limits"),
        ('["08:00", "22:00"]', '["22:00", "08:00"]', "ascending"),
        ("fixed: Asia/Shanghai", "fixed: Asia/Nowhere", "no time zone"),
        ("rule: fixed, fixed: Asia/Shanghai", "rule: fixed", "exactly when"),
        ("channels: [sms, wechat]", "channels: [sms, pigeon]", "pigeon"),
        ("id: CN-F1", "id: CN-T1", "given twice"),
        ("per: person", "per: nobody", "nobody"),
        ("{calendar_days: 1}", "{calendar_days: 1, hours: 2}", "exactly one of calendar_days"),
        ("name: cn", "name: nc", "calls itself"),
        ('"【[^【】]{1,20}】"', '"【["', "not a pattern"),
        ("reply_within_hours: 24", "reply_within_hours: 24\nreply_within_hours: 25", "given twice"),
    ],
)
def test_a_wrong_pack_is_refused_by_what_is_wrong(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in SHIPPED
    with pytest.raises(BadPolicy, match=re.escape(words)):
        load_packs(["cn"], overridden(tmp_path, SHIPPED.replace(old, new, 1)))


def test_a_pack_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(UnknownPack, match="atlantis"):
        load_packs(["cn", "atlantis"])
    with pytest.raises(UnknownPack, match="holds"):
        load_packs(["holds"])


def test_no_pack_or_one_twice_is_refused() -> None:
    with pytest.raises(BadPolicy):
        load_packs([])
    with pytest.raises(BadPolicy):
        load_packs(["cn", "cn"])


def test_another_rule_gives_another_digest_and_breaks_the_packs_cases(tmp_path: Path) -> None:
    (shipped,) = load_packs(["cn"])
    changed = overridden(tmp_path, SHIPPED.replace('"22:00"', '"21:00"'))
    (other,) = load_packs(["cn"], changed)
    assert other.ref.digest != shipped.ref.digest
    assert load_packs(["cn"])[0].ref == shipped.ref
    vectors = Path(notifier.__file__).parent / "rules" / "vectors" / "cn.yaml"
    assert "window, last second (C1)" in {failure.case for failure in run_vectors(vectors, changed)}

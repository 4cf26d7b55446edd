"""`tact policy check` looks at templates too: their language, and what they say where they may be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tact.test_policy_check import WHEN, check, strategy

TEMPLATE = """id: mine-sms
version: 1
channel: sms
stage: S1
figures: false
locales:
  zh-CN:
    max_chars: 100
    text: 【{{ institution }}】您好，请致电{{ hotline }}。
"""


def test_a_template_is_checked_by_the_packs_of_its_countries(tmp_path: Path) -> None:
    path = tmp_path / "mine-sms.v1.yaml"
    path.write_text(TEMPLATE, encoding="utf-8")
    done = check(path)
    assert done.exit_code == 0, done.stdout
    assert f"{path}: good: template mine-sms v1 under cn, cn-house" in done.stdout
    american = tmp_path / "american.yaml"
    american.write_text(TEMPLATE.replace("figures:", "countries: [US]\nfigures:"), encoding="utf-8")
    done = check(american)
    assert done.exit_code == 1
    assert f"{american}:10: it does not say what it must here (US-E1)" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("您好", "您已逾 期", 9, "'逾期' must not be said here (HOUSE-S1-WORDS)"),
        ("您好", "{{ salary }}", 9, "no such variable: salary"),
        ("您好", "{{ 7*7 }}", 9, "mul has no place in a text"),
        ("stage: S1", "stage: S7", 4, "Invalid enum value"),
    ],
)
def test_a_bad_template_is_told_by_line(tmp_path: Path, old: str, new: str, line: int, reason: str) -> None:
    path = tmp_path / "mine-sms.v1.yaml"
    path.write_text(TEMPLATE.replace(old, new), encoding="utf-8")
    done = check(path)
    assert done.exit_code == 1
    assert f"{path}:{line}: {reason}" in done.stdout


def test_a_file_is_called_as_the_version_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine-sms.v2.yaml"
    path.write_text(TEMPLATE, encoding="utf-8")
    assert f"{path}: the file of mine-sms v1 is called mine-sms.v1.yaml" in check(path).stdout


def test_a_strategy_may_name_a_template_of_the_same_call(tmp_path: Path) -> None:
    plan = strategy(tmp_path, f"id: a, channel: sms, template: mine-sms, {WHEN}")
    assert "there is no template 'mine-sms'" in check(plan).stdout
    path = tmp_path / "mine-sms.v1.yaml"
    path.write_text(TEMPLATE.replace("stage: S1", "stage: S2"), encoding="utf-8")
    assert "no template" not in check(plan, path).stdout

"""Wording is filled only from the whitelist, says only what its stage may say, and never becomes code."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from notifier.domain.decide import decide
from notifier.domain.decision import Verdict
from notifier.domain.facts import Content
from notifier.policy import load_packs
from notifier.template_values import family_name
from notifier.templates import TemplateRefused, Templates
from notifier.templates.catalogue import Shelf
from notifier.templates.reading import read_template
from spine.policy import BadPolicy
from tests.notifier.domain.builders import NOON, facts

TEMPLATES = Templates.load()
VALUES = {
    "institution": "示例银行",
    "hotline": "400-800-0000",
    "amount_due": "3200.00",
    "currency": "CNY",
    "due_on": "2026-11-20",
    "name": "王",
}
IDS = {
    "s1-warm-sms",
    "s1-soft-sms",
    "s2-soft-sms",
    "s2-soft-wechat-morning",
    "s2-soft-wechat-evening",
    "s3-formal-sms",
    "s4-formal-sms",
    "closure-sms",
    "promise-reminder-sms",
    "plan-reminder-sms",
    "payment-claim-sms",
}
TEXT = "【{{ institution }}】您好，请致电{{ hotline }}。"


def write(folder: Path, text: str, *, figures: bool = True, stage: str = "S1", version: int = 2) -> Path:
    wording = folder / "notifier" / "wording"
    wording.mkdir(parents=True, exist_ok=True)
    (wording / f"s1-warm-sms.v{version}.yaml").write_text(
        f"id: s1-warm-sms\nversion: {version}\nchannel: sms\nstage: {stage}\nfigures: {str(figures).lower()}\n"
        f"locales:\n  zh-CN:\n    max_chars: 60\n    text: '{text}'\n"
    )
    return folder


@pytest.mark.parametrize("template_id", sorted(IDS))
@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_every_text_is_signed_reaches_the_hotline_and_passes_the_packs(template_id: str, locale: str) -> None:
    rendered = TEMPLATES.render(template_id, locale, VALUES)
    assert rendered.text.startswith("【示例银行】")
    assert "400-800-0000" in rendered.text
    assert rendered.body_sha256 == hashlib.sha256(rendered.text.encode()).hexdigest()
    file = TEMPLATES.by_id[template_id].file
    what = facts(
        channel=file.channel,
        purpose="collection" if file.stage else "service",
        stage=file.stage,
        content=Content(rendered.text, locale),
    )
    decision = decide(what, load_packs(["cn", "cn-house"]), NOON.replace(hour=2))
    assert (decision.verdict, decision.rules) == (Verdict.ALLOW, ())


@pytest.mark.parametrize("template_id", sorted(i for i in IDS if i.startswith("s2")))
def test_a_soft_message_carries_no_figure_and_no_word_of_payment(template_id: str) -> None:
    text = TEMPLATES.render(template_id, "zh-CN", VALUES).text.replace("400-800-0000", "")
    assert not any(char.isdigit() for char in text)
    forbidden = ("逾期", "罚息", "催收", "还款", "起诉", "律师函", "强制执行", "欠", "账单", "款")
    assert not any(word in text for word in forbidden)


def test_amounts_and_dates_are_shown_as_people_read_them() -> None:
    assert "11月20日的账单3,200.00元" in TEMPLATES.render("s1-warm-sms", "zh-CN", VALUES).text
    english = TEMPLATES.render(
        "s1-warm-sms", "en-GB", VALUES | {"currency": "KWD", "amount_due": "3200.125"}
    ).text
    assert "KWD 3,200.125, which was due on 20 November" in english


def test_an_unknown_language_falls_back_to_the_lenders() -> None:
    assert TEMPLATES.render("closure-sms", "fr", VALUES) == TEMPLATES.render("closure-sms", "zh", VALUES)


def test_the_name_may_be_left_out() -> None:
    without = {name: value for name, value in VALUES.items() if name != "name"}
    assert TEMPLATES.render("s1-warm-sms", "zh-CN", without).text.startswith("【示例银行】您好")


@pytest.mark.parametrize("missing", ["institution", "hotline", "amount_due", "due_on"])
def test_a_missing_variable_is_named(missing: str) -> None:
    values = {name: value for name, value in VALUES.items() if name != missing}
    with pytest.raises(TemplateRefused) as refused:
        TEMPLATES.render("s1-warm-sms", "zh-CN", values)
    assert refused.value.variable == missing


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("name", "{{ 7*7 }}"),
        ("name", "王\n点击"),
        ("name", "x.example.com/abc"),
        ("name", "http://x.example"),
        ("name", "{0.__class__}"),
        ("name", "王\u200b"),
        ("name", ""),
        ("name", "a" * 60),
        ("institution", "银行】假"),
        ("institution", "{% for x in y %}"),
        ("hotline", "call me"),
        ("amount_due", "-5"),
        ("amount_due", "1e5"),
        ("amount_due", "NaN"),
        ("amount_due", "٣"),
        ("due_on", "2026-02-30"),
        ("due_on", "20 November"),
        ("currency", "cny"),
        ("salary", "1"),
    ],
)
def test_a_value_that_does_not_look_as_it_must_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(TemplateRefused) as refused:
        TEMPLATES.render("s1-warm-sms", "zh-CN", VALUES | {variable: value})
    assert refused.value.variable == variable
    # A refusal may be logged: it tells nothing of the person.
    assert len(value) < 3 or value not in refused.value.detail


def test_a_forbidden_word_that_comes_in_with_a_value_is_refused() -> None:
    with pytest.raises(TemplateRefused, match="HOUSE-S1-WORDS"):
        TEMPLATES.render("s1-warm-sms", "zh-CN", VALUES | {"institution": "逾 期银行"})


def test_a_template_nobody_wrote_is_refused() -> None:
    with pytest.raises(TemplateRefused, match="s9"):
        TEMPLATES.render("s9", "zh-CN", VALUES)


def test_a_higher_version_in_the_override_wins_and_has_another_digest(tmp_path: Path) -> None:
    own = Templates.load(write(tmp_path, TEXT))
    rendered = own.render("s1-warm-sms", "zh-CN", VALUES)
    assert (rendered.text, rendered.template_version) == ("【示例银行】您好，请致电400-800-0000。", 2)
    assert own.by_id["s1-warm-sms"].digest != TEMPLATES.by_id["s1-warm-sms"].digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("【{{ institution }}】您的款项已逾\u200b期", "HOUSE-S1-WORDS"),
        ("您好，请致电{{ hotline }}", "CN-C1"),
        ("【{{ institution }}】{{ salary }}", "salary"),
        ("【{{ institution }}】{{ name.__class__ }}", "an attribute"),
        ("【{{ institution }}】{{ range(9) }}", "range"),
        ("【{{ institution }}】{{ name | upper }}", "upper"),
        ("【{{ institution }}】{% for", "unexpected|Expected|expected"),
        ("【{{ institution }}】" + "好" * 60, "characters long"),
    ],
)
def test_wording_that_breaks_a_rule_is_refused_when_it_is_loaded(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(BadPolicy, match=words):
        Templates.load(write(tmp_path, text))


def test_a_template_without_figures_may_neither_use_nor_carry_one(tmp_path: Path) -> None:
    with pytest.raises(BadPolicy, match="amount_due"):
        Templates.load(write(tmp_path, TEXT + "{{ amount_due }}", figures=False))
    with pytest.raises(BadPolicy, match="figure"):
        Templates.load(write(tmp_path, TEXT + "3", figures=False))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("王小明", "王"),
        ("欧阳修", "欧阳"),
        ("司马", "司"),
        ("Anna Maria Smith", "Smith"),
        ("  李雷 ", "李"),
        ("", ""),
    ],
)
def test_of_a_name_only_the_family_name_is_used(name: str, shown: str) -> None:
    assert family_name(name) == shown


def test_a_release_never_puts_other_words_into_force(tmp_path: Path) -> None:
    def text(version: int, words: str) -> str:
        file = write(tmp_path, TEXT + words, version=version) / "notifier" / "wording"
        return (file / f"s1-warm-sms.v{version}.yaml").read_text(encoding="utf-8")

    released = TEMPLATES.joined([read_template(text(9, "新"), TEMPLATES.packs, path="9")])
    assert released.by_id["s1-warm-sms"].file.version == 9
    shelf = Shelf(released)
    shelf.take_up(1, {"2": text(2, "旧"), "3": text(3, "中")})
    assert shelf.templates.by_id["s1-warm-sms"].file.version == 3
    assert shelf.templates.versions["s1-warm-sms"] == (1, 2, 3, 9)
    # What no longer fits is not in force, and says so; the rest is.
    shelf.take_up(2, {"2": text(2, "旧"), "3": text(3, "逾 期")})
    assert shelf.templates.by_id["s1-warm-sms"].file.version == 2
    assert ["HOUSE-S1-WORDS" in reason for reason in shelf.refused] == [True]
    shelf.take_up(3, {})
    assert (shelf.templates.by_id["s1-warm-sms"].file.version, shelf.refused) == (9, ())

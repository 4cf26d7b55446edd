"""The shipped texts: one for every step a strategy names, warm, short, and lawful whatever is filled in."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.content import broken, fault_of
from notifier.domain.decide import decide
from notifier.domain.decision import Verdict
from notifier.domain.facts import Content
from notifier.domain.sms_length import measure
from notifier.domain.words import first_forbidden, plain
from notifier.policy import load_packs
from notifier.template_values import refusal
from notifier.templates import Templates
from tests.notifier.domain.builders import NOON, facts

CHINESE = Templates.load()
AMERICAN = Templates.load(
    None,
    load_packs(["us-reg-f", "us-ma", "us-nyc"]),
    {"institution": "Example Recovery, LLC", "principal": "Example Bank, N.A."},
)
FAMILY = st.one_of(
    st.sampled_from(["王", "欧阳", "O'Neil", "Breach", "Lawyer", "Penalty", "Webb", "逾期", "律师", "सिंह"]),
    st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=1, max_size=20),
).filter(lambda name: refusal("name", name) is None)
VALUES = st.fixed_dictionaries(
    {
        "institution": st.sampled_from(["示例银行", "示例消费金融有限公司", "Example Bank", "示例" * 10]),
        "hotline": st.from_regex(r"\A\+?[0-9][0-9 -]{3,18}[0-9]\Z"),
        "amount_due": st.decimals(0, 10**11, places=2).map(lambda d: f"{d:f}"),
        "currency": st.sampled_from(["CNY", "KWD", "USD"]),
        "due_on": st.dates().map(lambda on: on.isoformat()),
    },
    optional={"name": FAMILY, "principal": st.just("示例银行股份有限公司")},
)
ALL = sorted({**CHINESE.by_id, **AMERICAN.by_id})
SOFT = sorted(name for name in CHINESE.by_id if name.startswith("s2-soft"))


@given(st.sampled_from(ALL), st.sampled_from(["zh-CN", "en", "fr"]), VALUES)
@settings(max_examples=400)
def test_no_lawful_value_makes_a_shipped_text_unlawful(
    name: str, locale: str, values: dict[str, str]
) -> None:
    template = {**CHINESE.by_id, **AMERICAN.by_id}[name]
    rendered = template.render(locale, values)
    for rule in template.rules:
        assert fault_of(rule, rendered.text, plain(rendered.text), rendered.language) is None
    assert values["institution"] in rendered.text
    assert values["hotline"] in rendered.text
    assert len(rendered.text) <= template.file.locales[template.nearest(locale)].max_chars
    assert "{" not in rendered.text


@pytest.mark.parametrize("name", sorted(CHINESE.by_id))
@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_the_packs_let_every_text_of_the_house_through(name: str, locale: str) -> None:
    file = CHINESE.by_id[name].file
    assert set(file.locales) == {"zh-CN", "en"}
    rendered = CHINESE.by_id[name].render(locale, _values())
    assert rendered.text.startswith("【示例银行】")
    what = facts(
        channel=file.channel,
        purpose=file.purpose,
        stage=file.stage,
        content=Content(rendered.text, locale, name, file.version),
    )
    decision = decide(what, load_packs(["cn", "cn-house"]), NOON.replace(hour=2))
    assert (decision.verdict, decision.rules) == (Verdict.ALLOW, ())


@pytest.mark.parametrize("name", sorted(AMERICAN.by_id))
def test_every_american_text_tells_how_to_opt_out_and_who_writes_for_whom(name: str) -> None:
    template = AMERICAN.by_id[name]
    assert "US-E1" in {rule.id for rule in template.rules}
    rendered = template.render("en-US", {**_values(), **AMERICAN.constants})
    assert "Reply STOP to opt out." in rendered.text
    assert "Example Recovery, LLC on behalf of Example Bank, N.A." in rendered.text
    assert list(broken(template.rules, Content(rendered.text, "en"))) == []
    measured = measure(rendered.text)
    assert (measured.encoding.value, measured.segments) == ("GSM-7", 2)
    if template.file.purpose == "collection":
        assert "debt" in rendered.text


def test_what_a_country_asks_keeps_out_the_texts_of_another() -> None:
    assert not CHINESE.by_id.keys() & AMERICAN.by_id.keys()
    british = Templates.load(None, load_packs(["uk"]))
    assert british.by_id.keys() == CHINESE.by_id.keys()
    # Who speaks neither language reads the lender's.
    assert british.by_id["closure-sms"].render("fr", _values()).language == "en"
    assert CHINESE.by_id["closure-sms"].render("fr", _values()).language == "zh-CN"


@pytest.mark.parametrize("name", SOFT)
def test_a_soft_text_speaks_of_no_money_and_says_where_somebody_listens(name: str) -> None:
    template = CHINESE.by_id[name]
    for locale in ("zh-CN", "en"):
        text = template.render(locale, _values()).text
        bare = text.replace("400-800-0000", "")
        assert bare != text
        assert re.search(r"[\d¥$€]|[二三四五六七八九十百千万]", bare) is None
        dunning = ["逾期", "罚息", "催收", "还款", "欠", "账单", "款", "钱"]
        dunning += ["overdue", "repay", "payment", "debt", "bill"]
        assert first_forbidden(plain(bare), dunning) is None


def test_every_stage_and_occasion_has_its_texts() -> None:
    stages = {template.file.stage for template in CHINESE.by_id.values()}
    assert stages == {"DUE", "S1", "S2", "S3", "S4", None}
    occasions = {"due-tomorrow", "due-today", "s1-warm", "s1-soft", "s2-soft", "s3-formal", "s4-formal"}
    occasions |= {"promise-reminder", "promise-tomorrow", "promise-today", "plan-reminder", "payment-claim"}
    occasions |= {"thanks", "closure", "closure-correction", "apology"}
    assert {f"{occasion}-sms" for occasion in occasions} <= CHINESE.by_id.keys()
    assert {f"s2-soft-{by}-{when}" for by in ("wechat", "wecom") for when in ("morning", "evening")} <= set(
        SOFT
    )


def test_every_template_that_the_shipped_strategies_name_is_there() -> None:
    named = set()
    for file in (files("stager") / "rules").iterdir():
        if file.name.endswith(".yaml"):
            named |= set(re.findall(r"\btemplate: ([a-z][a-z0-9-]*)", file.read_text(encoding="utf-8")))
    assert len(named) >= 8
    assert named <= CHINESE.by_id.keys()


def test_a_family_called_as_no_text_may_say_is_not_named() -> None:
    warm = CHINESE.by_id["s1-warm-sms"]
    assert "Dear Smith, " in warm.render("en", {**_values(), "name": "Smith"}).text
    assert "Dear" not in warm.render("en", {**_values(), "name": "Breach"}).text
    # Nor does a name make a word with what stands beside it.
    assert "Breach" in CHINESE.by_id["s3-formal-sms"].render("en", {**_values(), "name": "Breach"}).text


def _values() -> dict[str, str]:
    return {
        "institution": "示例银行",
        "hotline": "400-800-0000",
        "amount_due": "3200.00",
        "currency": "CNY",
        "due_on": "2026-11-20",
        "name": "王",
    }

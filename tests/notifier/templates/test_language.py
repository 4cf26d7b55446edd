"""A template is words, whitelisted variables, two filters and `is defined`: all else is refused when drafted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.policy import load_packs
from notifier.template_values import SAMPLE, refusal
from notifier.templates import TemplateRefused
from notifier.templates.reading import fit, read_template
from spine.policy import BadPolicy

PACKS = load_packs(["cn", "cn-house"])
HEAD = "【{{ institution }}】您好，请致电{{ hotline }}。"


def written(
    text: str, *, figures: bool = True, channel: str = "sms", stage: str = "S1", more: str = ""
) -> str:
    """A template file with this text in a literal block."""
    block = "\n".join(f"      {line}" for line in text.split("\n"))
    return (
        f"id: mine\nversion: 1\nchannel: {channel}\nstage: {stage}\nfigures: {str(figures).lower()}\n{more}"
        f"locales:\n  zh-CN:\n    max_chars: 300\n    text: |-\n{block}\n"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ 7*7 }}", "mul"),
        ("{{ '7'*7 }}", "mul"),
        ("{{ name.__class__.__mro__ }}", "an attribute"),
        ("{{ name['__class__'] }}", "an item"),
        ("{{ ''.join(name) }}", "a call"),
        ("{{ cycler.__init__.__globals__.os.popen('id').read() }}", "a call"),
        ("{{ self }}", "no such variable: self"),
        ("{{ config }}", "no such variable: config"),
        ("{{ range(99999) }}", "a call of range"),
        ("{{ lipsum() }}", "a call of lipsum"),
        ("{{ '逾' ~ '期' }}", "concat"),
        ("{{ '逾期' }}", "a constant"),
        ("{{ name | attr('__class__') }}", "no such filter|No filter"),
        ("{{ name | upper }}", "no such filter|No filter"),
        ("{{ name | day }}", "no such filter: day"),
        ("{{ due_on | day(name) }}", "no such filter: day"),
        ("{{ amount_due | money('CNY') }}", "no such filter: money"),
        ("{{ amount_due | money(currency=currency) }}", "no such filter: money"),
        ("{{ '%s' | format(name) }}", "no such filter|No filter"),
        ("{{ salary }}", "no such variable: salary"),
        ("{% for c in name %}{{ c }}{% endfor %}", "for has no place|for"),
        ("{% while true %}", "cannot be read"),
        ("{% set name = 'x' %}", "assign"),
        ("{% macro m() %}{% endmacro %}", "macro"),
        ("{% include 'x' %}", "include"),
        ("{% import 'x' as y %}", "import"),
        ("{% extends 'x' %}", "extends"),
        ("{% block b %}{% endblock %}", "block"),
        ("{% with %}{% endwith %}", "with"),
        ("{% filter upper %}x{% endfilter %}", "filterblock|No filter"),
        ("{% autoescape true %}x{% endautoescape %}", "has no place"),
        ("{% if name %}x{% endif %}", "only whether a variable is defined"),
        ("{% if 1 == 1 %}x{% endif %}", "only whether a variable is defined"),
        ("{% if salary is defined %}x{% endif %}", "no such variable: salary"),
        ("{% if name is string %}x{% endif %}", "only whether|No test"),
        ("{{ name if name is defined else '逾期' }}", "condexpr"),
        ("{% raw %}{{ 7*7 }}{% endraw %}", "braces"),
        ("{# 逾期 #}", "comment"),
        ("{{", "cannot be read"),
        ("{% if name is defined %}", "cannot be read"),
        ("{{ name is defined }}", "test"),
        ("{% raise %}", "cannot be read"),
        ("{{ name }}}", "braces"),
        ("{% if name is defined %}" * 90 + "{% endif %}" * 90, "deep"),
        ("{{" + "(" * 1500 + "name" + ")" * 1500 + "}}", "nested too deeply|cannot be read"),
        ("{{ 9**9**9**9 }}", "pow"),
    ],
)
def test_nothing_but_what_a_text_needs(text: str, why: str) -> None:
    with pytest.raises(BadPolicy, match=f"(?i)mine.yaml: line 9: .*({why})"):
        read_template(written(f"{HEAD}\n{text}"), PACKS, path="mine.yaml")


def test_all_faults_are_told_at_once_with_file_and_line() -> None:
    with pytest.raises(BadPolicy) as refused:
        read_template(
            written(f"{HEAD}{{{{ salary }}}}{{{{ 7*7 }}}}{{{{ name.x }}}}"), PACKS, path="mine.yaml"
        )
    assert [(f.file, f.line) for f in refused.value.faults] == [("mine.yaml", 9)] * 3
    with pytest.raises(BadPolicy, match=r"mine.yaml: line 3: .*chanel"):
        read_template(written(HEAD).replace("channel", "chanel"), PACKS, path="mine.yaml")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("您好，请致电{{ hotline }}。", "CN-C1"),
        ("【{{ institution }}】您好。", "hotline"),
        ("【示例】请致电{{ hotline }}。", "institution"),
        ("【{{ institution }}】{% if name is defined %}{{ hotline }}{% endif %}", "hotline"),
        (f"{HEAD}{{{{ name }}}}", "'name' is missing|without name"),
        (f"{HEAD}逾{{% if name is defined %}}{{% endif %}}期", "'逾期' must not be said"),
        (f"{HEAD}逾{{% if name is defined %}}期{{% else %}}朋{{% endif %}}", "'逾期' must not be said"),
        (f"{HEAD}逾{{% if name is not defined %}}期{{% endif %}}", "'逾期' must not be said"),
        (f"{HEAD}違 約", "'违约' must not be said"),
        (f"{HEAD}有\u200b空", r"U\+200B"),
        (f"{HEAD}有\u202e空", r"U\+202E"),
        (f"{HEAD}{'好' * 300}", "characters long"),
    ],
)
def test_what_a_text_says_is_told_when_it_is_checked(text: str, why: str) -> None:
    template = read_template(written(text), PACKS, path="mine.yaml")
    with pytest.raises(BadPolicy, match=why):
        fit(template)


@pytest.mark.parametrize(
    "figure",
    [
        "3",
        "３",
        "٣",
        "③",
        "¥",
        "三千元",
        "十二月",
        "两百块钱",
        "叁万圆",
        "{{ amount_due | money(currency) }}",
    ],
)
def test_a_text_without_figures_has_none_in_any_script(figure: str) -> None:
    with pytest.raises(BadPolicy, match="figure"):
        fit(read_template(written(f"{HEAD}{figure}", figures=False), PACKS, path="mine.yaml"))
    fit(read_template(written(f"{HEAD}一起想办法，一期一期来", figures=False), PACKS, path="mine.yaml"))


def test_a_template_says_and_avoids_what_its_file_asks() -> None:
    asks = "avoid: [钱]\nsays:\n  zh-CN: [专员]\n"
    with pytest.raises(BadPolicy, match="'专员' must be said here"):
        fit(read_template(written(HEAD, more=asks), PACKS, path="mine.yaml"))
    with pytest.raises(BadPolicy, match="'钱' must not be said here"):
        fit(read_template(written(f"{HEAD}专 员，錢", more=asks), PACKS, path="mine.yaml"))
    fit(read_template(written(f"{HEAD}专 员", more=asks), PACKS, path="mine.yaml"))


def test_a_text_message_may_be_limited_to_so_many_parts() -> None:
    text = written(f"{HEAD}{'好' * 60}").replace("max_chars: 300", "max_chars: 300\n    max_segments: 1")
    with pytest.raises(BadPolicy, match="2 messages long, more than 1"):
        fit(read_template(text, PACKS, path="mine.yaml"))


@pytest.mark.parametrize(
    "value",
    [
        "{{ 7*7 }}",
        "{% for x in y %}",
        "{0.__class__}",
        "%s",
        "${x}",
        "王\n点击",
        "王\r",
        "王\t",
        "example.com",
        "e.xample",
        "x。com",
        "http://x",
        "王/李",
        "王@x",
        "王1",
        "王１",
        "王\u200b",
        "\u202e王",
        "王  李",
        " 王",
        "王 ",
        "",
        "'王",
        "\u0301a",
        "a" * 21,
        "<b>",
        "王】",
        "王😀",
        "e\u0301",
    ],
)
def test_no_such_name_is_shown(value: str) -> None:
    assert refusal("name", value) is not None


@pytest.mark.parametrize(
    "value",
    ["王", "欧阳", "O'Neil", "Smith-Jones", "J. Smith", "Jr.", "买买提·艾力", "सिंह", "Nguyễn", "de la Cruz"],
)
def test_such_a_name_is_shown(value: str) -> None:
    assert refusal("name", value) is None


@given(st.text(max_size=30))
def test_a_value_is_refused_or_stands_in_the_text_as_it_is(value: str) -> None:
    template = fit(
        read_template(
            written(f"{HEAD}{{% if name is defined %}}[{{{{ name }}}}]{{% endif %}}"), PACKS, path="m"
        )
    )
    values = {**SAMPLE, "name": value}
    if refusal("name", value) is not None:
        with pytest.raises(TemplateRefused) as refused:
            template.fill("zh-CN", values)
        assert refused.value.variable == "name"
        return
    text = template.fill("zh-CN", values)
    assert text.endswith(f"[{value}]")
    assert not set(text) & set("{}%<>\n\r\t/\\")

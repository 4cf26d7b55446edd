"""Scripts are refused where they say what a stage does not say, however it is written."""

from __future__ import annotations

import pytest

from spine.policy import BadPolicy, load_policy, read_rule_files
from stager.domain.conditions import CaseFacts
from stager.domain.script_policy import ScriptPolicy, faults_of_scripts

STAGES = ("DUE", "S1", "S2", "S3", "S4")
TEXT = read_rule_files("stager", None)["scripts-cn.yaml"]


def read(text: str) -> ScriptPolicy:
    return load_policy(
        ScriptPolicy, text, path="scripts-cn.yaml", faults=lambda each: faults_of_scripts(each, STAGES)
    ).policy


def facts(**known: object) -> CaseFacts:
    values: dict[str, object] = {
        "stage": "S1",
        "dpd": 1,
        "currency": "CNY",
        "overdue_total_minor": 100,
        "outstanding_minor": 100,
        "product": "consumer",
    }
    return CaseFacts(**(values | known))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    [
        "您已逾期三天",
        "您已逾 期三天",
        "您已逾.期三天",
        "您已逾\u200b期三天",
        "Your loan is OVERDUE",
        "您已逾-期",
    ],
)
def test_a_forbidden_word_is_found_whatever_stands_in_between(said: str) -> None:
    with pytest.raises(BadPolicy, match=r"line \d+: stages\.S1: '(逾期|overdue)' is not said in this stage"):
        read(TEXT.replace("短期周转，先问原因", f"短期周转，{said}"))


def test_the_same_word_is_said_from_the_formal_stage_on() -> None:
    assert "逾期" in read(TEXT).stages["S3"].lines[0].zh_cn


def test_what_is_never_said_is_not_said_in_a_talking_point_either() -> None:
    with pytest.raises(BadPolicy, match=r"points\.employee: '公安' is not said"):
        read(TEXT.replace("问发薪日，", "问发薪日，公安，"))


def test_a_word_of_one_stage_is_no_word_of_a_point_for_all() -> None:
    with pytest.raises(BadPolicy, match=r"points\.renew-the-card: '违约' is not said"):
        read(TEXT.replace("扣款失败是因为卡已失效", "违约是因为卡已失效"))


def test_every_stage_has_a_script_and_none_has_one_that_does_not_exist() -> None:
    with pytest.raises(BadPolicy, match=r"stages\.S9: no stage policy knows this stage"):
        read(TEXT.replace("\n  S4:\n    aim", "\n  S9:\n    aim"))


def test_points_fit_by_stage_and_by_what_is_known() -> None:
    policy = read(TEXT)
    ids = [point.id for point in policy.points_for("S1", facts(segment={"occupation": "employee"}))]
    assert ids == ["employee"]
    assert policy.points_for("S1", facts()) == ()
    broken = [point.id for point in policy.points_for("S2", facts(stage="S2", promises_broken_60d=2))]
    assert broken == ["broken-promises"]
    assert policy.points_for("S2", facts(stage="S2", promises_broken_60d=1)) == ()

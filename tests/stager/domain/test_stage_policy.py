"""Stage policies: the edges of the shipped one, and what is refused with file and reason."""

from __future__ import annotations

import pytest

from spine.calendars import load_calendars
from spine.policy import BadPolicy, read_rule_files
from stager.policy import load_rulebook, rulebook_of

CALENDARS = load_calendars()
SHIPPED = {name: t for name, t in read_rule_files("stager", None).items() if not name.endswith("-us.yaml")}
HEAD = "name: stages-x\nversion: 1\neffective_from: 2026-01-01\ncitation: test\n"


@pytest.mark.parametrize(
    ("dpd", "stage"),
    [
        (-5, "DUE"),
        (0, "DUE"),
        (1, "S1"),
        (30, "S1"),
        (31, "S2"),
        (60, "S2"),
        (61, "S3"),
        (90, "S3"),
        (91, "S4"),
        (4000, "S4"),
    ],
)
def test_edges_of_the_shipped_policy(dpd: int, stage: str) -> None:
    editions = load_rulebook().stages.editions
    assert {edition.policy.name for edition in editions} == {"stages-cn", "stages-us"}
    assert {edition.policy.stage_of(dpd).id for edition in editions} == {stage}


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        ("[{id: A, dpd_max: 0}, {id: B, dpd_min: 2}]", "gap, nothing covers 1-1"),
        ("[{id: A, dpd_max: 5}, {id: B, dpd_min: 4}]", "overlap, both cover 4-5"),
        ("[{id: A, dpd_max: 0}, {id: A, dpd_min: 1}]", "A is given twice"),
        ("[{id: A, dpd_min: 0, dpd_max: 0}, {id: B, dpd_min: 1}]", "no dpd_min"),
        ("[{id: A, dpd_max: 0}, {id: B, dpd_min: 1, dpd_max: 9}]", "no dpd_max"),
        ("[{id: A}, {id: B, dpd_min: 1}]", "are required"),
        (
            "[{id: A, dpd_max: 0}, {id: B, dpd_min: 1, dpd_max: 0}, {id: C, dpd_min: 1}]",
            "unreachable",
        ),
        ("[{id: A, dpd_max: 0}, {id: B, dpd_min: 1}]", "case dpd 1: A expected, B found"),
        ("[{id: A, dpd_max: 0, colour: red}, {id: B, dpd_min: 1}]", "colour"),
        ("[{id: a, dpd_max: 0}, {id: B, dpd_min: 1}]", "stages[0].id"),
        ("[{id: A, dpd_max: '0'}, {id: B, dpd_min: 1}]", "Expected `int"),
    ],
)
def test_a_wrong_policy_is_refused_with_file_and_reason(stages: str, reason: str) -> None:
    text = f"{HEAD}stages: {stages}\ncases: [{{dpd: 1, stage: A}}]\n"
    with pytest.raises(BadPolicy) as refused:
        rulebook_of({"stages-x.yaml": text}, CALENDARS)
    assert refused.value.detail.startswith("stages-x.yaml: ")
    assert reason in refused.value.detail


def test_two_versions_take_turns_by_date() -> None:
    later = SHIPPED["stages-cn.yaml"].replace("version: 1", "version: 2")
    later = later.replace("2020-01-01", "2026-06-01")
    shelf = rulebook_of({**SHIPPED, "stages-cn-2.yaml": later}, CALENDARS).stages
    first, second = shelf.editions
    assert shelf.on(first.policy.effective_from) is first
    assert shelf.on(second.policy.effective_from) is second
    assert shelf.changes_after(first.policy.effective_from) == second.policy.effective_from
    assert shelf.changes_after(second.policy.effective_from) is None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("version: 1", "version: 2", "in force from the same date"),
        ("2020-01-01", "2026-06-01", "takes force after a later version"),
        ("name: stages-cn", "name: stages-other", "beside"),
    ],
)
def test_versions_that_leave_a_choice_are_refused(old: str, new: str, reason: str) -> None:
    other = SHIPPED["stages-cn.yaml"].replace(old, new)
    with pytest.raises(BadPolicy, match=reason):
        rulebook_of({**SHIPPED, "stages-cn-2.yaml": other}, CALENDARS)


def test_a_file_nobody_reads_is_refused() -> None:
    with pytest.raises(BadPolicy, match=r"^notes\.yaml"):
        rulebook_of({**SHIPPED, "notes.yaml": "a: 1"}, CALENDARS)


def test_no_policy_at_all_is_refused() -> None:
    files = {name: text for name, text in SHIPPED.items() if not name.startswith("stages-")}
    with pytest.raises(BadPolicy, match="there is none"):
        rulebook_of(files, CALENDARS)

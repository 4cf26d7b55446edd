"""`tact policy check`: every fault with file, line and reason, and the exit status."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from spine.policy import read_rule_files
from tact.policy_commands import app

STAGER = read_rule_files("stager", None)
PACKS = read_rule_files("notifier", None)
HEAD = "name: strategy-x\nversion: 1\neffective_from: 2026-01-01\ncitation: test\nscope: {products: [x]}\n"
SLOTS = 'slots:\n  day: {at: "10:00", until: "18:00"}\n  noon: {at: "13:00", until: "14:00"}\n'
SLOTS += '  night: {at: "22:00", until: "23:00"}\nstages:\n  DUE: []\n  S1: []\n  S3: []\n  S4: []\n  S2:\n'


def check(*files: Path) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, files)])


def strategy(tmp_path: Path, *steps: str, scope: str | None = None) -> Path:
    path = tmp_path / "anything.yaml"
    head = HEAD if scope is None else HEAD.replace("{products: [x]}", scope)
    timed = [f"    - {{{step}, purpose: collection}}\n" for step in steps]
    path.write_text(head + SLOTS + "".join(timed), encoding="utf-8")
    return path


def test_what_is_shipped_is_good(tmp_path: Path) -> None:
    paths = []
    for name, text in {
        **STAGER,
        "cn.yaml": PACKS["cn.yaml"],
        "cn-house.yaml": PACKS["cn-house.yaml"],
    }.items():
        paths.append(tmp_path / name)
        paths[-1].write_text(text, encoding="utf-8")
    done = check(*paths)
    assert done.exit_code == 0, done.stdout
    for path in paths:
        assert f"{path}: good: " in done.stdout
    assert "vectors of cn-house.yaml run" in done.stdout


NOON = "when: {from_day: 0, every_days: 1, slot: noon}"
WHEN = "when: {from_day: 0, every_days: 1, slot: day}"


@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        (
            f"id: a, channel: call, {WHEN}",
            f"id: a, channel: call, {WHEN}, colour: red",
            "unknown field `colour`",
        ),
        (
            f"id: a, channel: call, {WHEN}",
            "id: a, channel: call, when: {from_day: x, slot: day}",
            "Expected `int`",
        ),
        (
            f"id: a, channel: sms, template: s3-formal-sms, {WHEN}",
            f"id: a, channel: sms, template: s9-sms, {WHEN}",
            "there is no template 's9-sms'",
        ),
        (
            f"id: a, channel: wechat, template: s2-soft-wechat-morning, {WHEN}",
            f"id: a, channel: wechat, template: s1-warm-sms, {WHEN}",
            "is for channel sms, not wechat",
        ),
        (
            "id: a, channel: call, when: {from_day: 0, every_days: 1, slot: day}",
            "id: a, channel: call, when: {from_day: 0, every_days: 1, slot: night}",
            "a: no contact policy in CN ever allows it in its slot (CN-T1: ",
        ),
        (
            f"id: a, channel: wechat, template: s2-soft-wechat-morning, {WHEN}",
            "id: a, channel: wechat, template: s2-soft-wechat-morning, " + NOON,
            "HOUSE-S2-WECHAT",
        ),
        (
            f"id: a, channel: call, {WHEN}, only_if: [{{dpd: {{at_least: 60}}}}]",
            f"id: a, channel: call, {WHEN}, only_if: [{{dpd: {{at_least: 61}}}}]",
            "contradictory",
        ),
    ],
)
def test_both_sides_of_a_fault(tmp_path: Path, good: str, bad: str, reason: str) -> None:
    good = good.replace("s3-formal-sms", "s2-soft-sms")
    done = check(strategy(tmp_path, good))
    assert done.exit_code == 0, done.stdout
    path = strategy(tmp_path, bad)
    done = check(path)
    assert done.exit_code == 1
    line = len((HEAD + SLOTS).splitlines()) + 1
    assert done.stdout.startswith(f"{path}:{line}: "), done.stdout
    assert reason in done.stdout


@pytest.mark.parametrize(
    ("stage", "channel", "good", "bad", "rule"),
    [
        ("S1", "channel: call", 2, 1, "HOUSE-S1-CALLS"),
        ("S2", "channel: call", 1, None, ""),
    ],
)
def test_a_step_comes_round_no_more_often_than_it_may_be_done(
    tmp_path: Path, stage: str, channel: str, good: int, bad: int | None, rule: str
) -> None:
    def planned(every: int) -> Path:
        step = f"id: a, {channel}, when: {{from_day: 0, every_days: {every}, slot: day}}"
        path = strategy(tmp_path, step)
        if stage != "S2":
            moved = (
                path.read_text().replace(f"  {stage}: []\n", "").replace("  S2:\n", f"  S2: []\n  {stage}:\n")
            )
            path.write_text(moved)
        return path

    done = check(planned(good))
    assert done.exit_code == 0, done.stdout
    if bad is not None:
        done = check(planned(bad))
        assert done.exit_code == 1
        assert (
            f"a: every {bad} days is more often than the contact policy in CN allows ({rule}: " in done.stdout
        )


def test_a_version_that_is_in_force_already_is_no_new_file(tmp_path: Path) -> None:
    """As at start: only a file of the same name replaces one, another with the same version is refused."""
    same, other = tmp_path / "strategy-cn.yaml", tmp_path / "strategy-mine.yaml"
    for path in (same, other):
        path.write_text(STAGER["strategy-cn.yaml"], encoding="utf-8")
    assert check(same).exit_code == 0
    done = check(other)
    assert done.exit_code == 1
    assert "in force from the same date as strategy-cn.yaml" in done.stdout


def test_every_fault_of_a_file_is_told(tmp_path: Path) -> None:
    path = strategy(
        tmp_path, "id: a, channel: fax", f"id: b, channel: call, {WHEN}, when_: 1", "id: C, channel: call"
    )
    told = [line.partition(": ")[0] for line in check(path).stdout.splitlines()]
    first = len((HEAD + SLOTS).splitlines()) + 1
    assert told == [f"{path}:{first}", f"{path}:{first + 1}", f"{path}:{first + 2}"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("dpd_min: 31", "dpd_min: 32", "gap, nothing covers 31-31"),
        ("dpd_min: 31", "dpd_min: 30", "overlap, both cover 30-30"),
        ("dpd_min: 31, dpd_max: 60", "dpd_min: 31, dpd_max: 30", "unreachable"),
        ("{dpd: 31, stage: S2}", "{dpd: 31, stage: S1}", "S1 expected, S2 found"),
    ],
)
def test_stages_are_known_by_what_they_say(tmp_path: Path, old: str, new: str, reason: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(STAGER["stages-cn.yaml"].replace(old, new), encoding="utf-8")
    done = check(path)
    assert (done.exit_code, reason in done.stdout) == (1, True), done.stdout
    assert done.stdout.startswith(f"{path}:")


def test_files_of_one_call_are_checked_together(tmp_path: Path) -> None:
    stages, plan = tmp_path / "stages-x.yaml", tmp_path / "strategy-x.yaml"
    text = STAGER["stages-cn.yaml"].replace("name: stages-cn", "name: stages-x")
    text = text.replace("id: S4", "id: S5").replace("stage: S4", "stage: S5")
    stages.write_text(text + "scope: {products: [x]}\n", encoding="utf-8")
    plan.write_text(HEAD + SLOTS.replace("  S2:\n", "  S2: []\n  S5: []\n"), encoding="utf-8")
    alone = check(plan)
    assert (alone.exit_code, "S5: no stage policy knows this stage" in alone.stdout) == (1, True)
    # The strategy in force has no word for the new stage: the stages are at odds with it.
    both = check(stages, plan)
    assert (both.exit_code, "strategy-cn.yaml:" in both.stdout) == (1, True)


def test_a_country_without_a_contact_policy_is_noted(tmp_path: Path) -> None:
    path = strategy(tmp_path, f"id: a, channel: call, {WHEN}", scope="{regions: ['FR-*']}")
    done = check(path)
    assert (done.exit_code, "note: no contact policy applies in FR" in done.stdout) == (0, True), done.stdout


def test_a_pack_that_decides_otherwise_than_its_vectors_say(tmp_path: Path) -> None:
    path = tmp_path / "cn.yaml"
    path.write_text(PACKS["cn.yaml"].replace('["08:00", "22:00"]', '["08:00", "21:30"]'), encoding="utf-8")
    done = check(path)
    assert (done.exit_code, "expected allow" in done.stdout) == (1, True), done.stdout
    path.write_text(PACKS["cn.yaml"].replace("windows:", "window:"), encoding="utf-8")
    line = next(
        n for n, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text == "window:"
    )
    assert check(path).stdout.startswith(f"{path}:{line}: ")


def test_what_holds_block_is_held_against_the_cases_of_every_pack(tmp_path: Path) -> None:
    holds = tmp_path / "holds.yaml"
    holds.write_text(PACKS["holds.yaml"], encoding="utf-8")
    assert check(holds).exit_code == 0
    holds.write_text(PACKS["holds.yaml"].replace("[ai_call, visit]", "[visit]"), encoding="utf-8")
    told = check(holds)
    assert told.exit_code == 1
    assert "HOLD-vulnerable" in told.stdout
    holds.write_text("version: '1'\nholds:\n  - {kind: x, citation: y}\n  - {kind: x, citation: y}\n")
    assert f"{holds}:4: x is given twice" in check(holds).stdout


def test_wrong_usage_and_what_is_no_policy(tmp_path: Path) -> None:
    assert check().exit_code == 2
    assert check(tmp_path / "missing.yaml").exit_code == 2
    odd = tmp_path / "odd.yaml"
    odd.write_bytes(b"\xff\xfe")
    assert check(odd).exit_code == 2
    odd.write_text("a: 1\n", encoding="utf-8")
    assert (check(odd).exit_code, check(odd).stdout) == (1, f"{odd}:1: no policy that Tact knows\n")

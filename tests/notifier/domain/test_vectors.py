"""Every policy pack that is shipped stands its own cases."""

from __future__ import annotations

from pathlib import Path

import pytest

import notifier
from notifier.policy import load_packs
from notifier.vectors import read_vectors, run_vectors
from spine.policy import BadPolicy

RULES = Path(notifier.__file__).parent / "rules"
VECTORS = sorted((RULES / "vectors").glob("*.yaml"))
JURISDICTIONS = {"cn", "cn-house", "us-reg-f", "us-ma", "us-nyc", "uk", "in", "au"}
CN = RULES / "vectors" / "cn.yaml"


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_every_case_gets_the_expected_answer(path: Path) -> None:
    assert len(read_vectors(path).cases) > 10
    assert list(run_vectors(path)) == []


def test_every_shipped_pack_has_cases_and_every_rule_of_it_decides_one() -> None:
    decided = {rule for path in VECTORS for case in read_vectors(path).cases for rule in case.rules}
    names = {path.stem for path in RULES.glob("*.yaml") if "\napplies:" in path.read_text()}
    assert names == {path.stem for path in VECTORS} >= JURISDICTIONS
    for pack in load_packs(sorted(names)):
        judged = {rule.id for _, _, rule in pack.file.rules() if getattr(rule, "judged", "") != "approval"}
        assert judged <= decided


def test_a_case_with_a_wrong_expectation_fails_and_says_what_came_out(tmp_path: Path) -> None:
    text = CN.read_text().replace("verdict: allow", "verdict: deny", 1)
    wrong = tmp_path / "cn.yaml"
    wrong.write_text(text)
    (failure,) = run_vectors(wrong)
    assert (failure.expected, failure.got) == ("deny until - by -", "allow until - by -")


def test_a_case_with_a_fact_nobody_knows_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "cn.yaml"
    wrong.write_text(CN.read_text().replace("outcome:", "outcom:", 1))
    with pytest.raises(BadPolicy, match="outcome"):
        list(run_vectors(wrong))
    wrong.write_text(CN.read_text().replace("  debt: l1\n", "  debt: l1\n  colour: red\n", 1))
    with pytest.raises(BadPolicy, match="colour"):
        list(run_vectors(wrong))
    wrong.write_text(CN.read_text().replace("T21:59:59+08:00", "T21:59:59", 1))
    with pytest.raises(BadPolicy, match="timezone"):
        list(run_vectors(wrong))
    wrong.write_text(
        CN.read_text().replace('at: "2026-11-23T23:00:00+08:00"', 'at: "2026-11-23T23:00:00"', 1)
    )
    with pytest.raises(BadPolicy, match="an answer within 24 hours"):
        list(run_vectors(wrong))

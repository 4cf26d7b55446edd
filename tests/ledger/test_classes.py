"""Classification tables as data: gaps, overlaps and wrong order are refused; a product finds its table."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ledger.classes import Classes
from ledger.domain.facts import Reschedule
from ledger.domain.position import position
from spine.policy import BadPolicy
from tests.ledger.domain.loans import due, loan, on

TABLES = """
version: "t"
tables:
  plain:
    citation: test
    bands:
      - {class: normal, from: 0, to: 4}
      - {class: substandard, from: 5, to: 9}
      - {class: loss, from: 10}
default: plain
products: {card: plain}
observation:
  citation: test
  months: 1
  paid_instalments: 1
  at_least: substandard
  not_restructuring: [Typo]
"""


def classes_of(folder: Path, text: str) -> Classes:
    (folder / "ledger").mkdir(exist_ok=True)
    (folder / "ledger" / "classification.yaml").write_text(text, encoding="utf-8")
    return Classes.load(folder)


def test_a_product_has_its_own_table_or_the_default() -> None:
    shipped = Classes.load()
    assert [shipped.table_of(product) for product in ("card", "credit_card", "mortgage")] == [
        "card",
        "card",
        "loan",
    ]


def test_the_figures_name_table_version_and_digest(tmp_path: Path) -> None:
    shipped, other = Classes.load(), classes_of(tmp_path, TABLES)
    facts = loan(due(1, "03-01", "1000.00"), opened="2026-02-01")
    now = position(facts, on("03-06"))
    assert shipped.figures(facts, now) == {
        "asset_class": "special_mention",
        "basis": "days_past_due",
        "from_dpd": 1,
        "table": "loan",
        "version": "1",
        "digest": shipped.digest,
        "observation": None,
    }
    changed = other.figures(facts, now)
    assert (changed["asset_class"], changed["from_dpd"], changed["table"]) == ("substandard", 5, "plain")
    assert changed["digest"] == other.digest != shipped.digest


def test_the_figures_say_what_an_observation_waits_for(tmp_path: Path) -> None:
    facts = loan(
        due(1, "05-01", "1000.00"),
        opened="2026-02-01",
        reschedules=(Reschedule(on("03-01"), (1,), (), reason="plan"),),
    )
    figures = classes_of(tmp_path, TABLES).figures(facts, position(facts, on("03-02")))
    assert msgspec.json.decode(msgspec.json.encode(figures["observation"])) == {
        "since_on": "2026-03-01",
        "reason": "plan",
        "not_before_on": "2026-04-01",
        "until_on": None,
        "paid_in_a_row": 0,
        "awaits": ["time", "instalments"],
    }
    assert (figures["asset_class"], figures["basis"], figures["from_dpd"]) == (
        "substandard",
        "observation",
        0,
    )
    typo = loan(due(1, "05-01", "1000.00"), reschedules=(Reschedule(on("03-01"), (1,), (), reason="typo"),))
    assert classes_of(tmp_path, TABLES).figures(typo, position(typo, on("03-02")))["observation"] is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("from: 0, to: 4", "from: 1, to: 4"), "plain: begins at 1, not at 0"),
        (("from: 5, to: 9", "from: 6, to: 9"), "plain: normal: 5 to 5 have no class"),
        (("from: 5, to: 9", "from: 7, to: 9"), "plain: normal: 5 to 6 have no class"),
        (("from: 5, to: 9", "from: 4, to: 9"), "plain: normal: 4 to 4 have two classes or more"),
        (("from: 5, to: 9", "from: 5, to: 10"), "plain: substandard: 10 to 10 have two classes"),
        (("from: 5, to: 9", "from: 5, to: 3"), "plain: substandard: ends at 3, before it begins at 5"),
        (("from: 5, to: 9", "from: 5"), "plain: substandard: has no end, and loss comes after it"),
        (("loss, from: 10", "loss, from: 10, to: 99"), "plain: ends at 99; the last line has no end"),
        (("loss, from: 10", "normal, from: 10"), "normal comes after it and is not worse"),
        (("loss, from: 10", "substandard, from: 10"), "substandard comes after it and is not worse"),
        (("loss, from: 10", "lost, from: 10"), "lost"),
        (("from: 0, to: 4", "from: -1, to: 4"), "from"),
        (("    citation: test\n    bands", "    bands"), "citation"),
        (("default: plain", "default: fancy"), "default: no table 'fancy'; there are plain"),
        (("{card: plain}", "{card: fancy}"), "card: no table 'fancy'"),
        (("at_least: substandard", "at_least: bad"), "at_least"),
        (("paid_instalments: 1", "paid_instalments: 0"), "paid_instalments"),
        (("[Typo]", "[Typo, ' TYPO']"), "a reason is given twice"),
        (("months: 1", "months: 1\n  weeks: 2"), "weeks"),
        (("default: plain", "default: plain\ndefault: plain"), "given twice"),
    ],
)
def test_what_is_not_exactly_as_declared_is_refused(
    tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    classes_of(tmp_path, TABLES)
    assert change[0] in TABLES
    with pytest.raises(BadPolicy, match=says):
        classes_of(tmp_path, TABLES.replace(*change))

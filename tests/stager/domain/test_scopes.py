"""Scopes: for whom a policy is, which of several wins, and what would leave a choice."""

from __future__ import annotations

from datetime import date

import pytest

from spine.calendars import load_calendars
from spine.policy import BadPolicy, read_rule_files
from stager.domain.rulebook import Shelf
from stager.domain.scopes import Scope, Subject, tie
from stager.domain.stage_policy import StagePolicy
from stager.policy import rulebook_of

CALENDARS = load_calendars()
SHIPPED = {
    name: text for name, text in read_rule_files("stager", None).items() if not name.endswith("-us.yaml")
}
BASE = SHIPPED["stages-cn.yaml"]
DAY = date(2026, 11, 24)


def stages(
    name: str, *, scope: str | None = None, version: int = 1, since: str = "2020-01-01", more: str = ""
) -> str:
    text = BASE.replace("name: stages-cn", f"name: {name}").replace("version: 1", f"version: {version}")
    text = text.replace("2020-01-01", since) + more
    return text if scope is None else f"{text}scope: {scope}\n"


def shelf_of(**files: str) -> Shelf[StagePolicy]:
    named = {f"stages-{name}.yaml": text for name, text in files.items()}
    return rulebook_of({**SHIPPED, **named}, CALENDARS).stages


def chosen(shelf: Shelf[StagePolicy], subject: Subject, day: date = DAY) -> str:
    return shelf.on(day, subject).policy.name


def test_the_most_specific_scope_wins() -> None:
    shelf = shelf_of(
        product=stages("product", scope="{products: [card]}"),
        exact=stages("exact", scope="{regions: [US-NY]}"),
        wide=stages("wide", scope="{regions: ['US-*']}"),
        trait=stages("trait", scope="{segments: {occupation: [chef]}}"),
        both=stages("both", scope="{products: [card], regions: ['US-*']}"),
    )
    chef = {"occupation": "chef"}
    assert chosen(shelf, Subject()) == "stages-cn"
    assert chosen(shelf, Subject("loan", "CN-31")) == "stages-cn"
    assert chosen(shelf, Subject("loan", "US-MA")) == "wide"
    assert chosen(shelf, Subject("loan", "US-NY")) == "exact"
    assert chosen(shelf, Subject("loan", "US-NYC")) == "wide"
    assert chosen(shelf, Subject("loan", "CN-31", chef)) == "trait"
    assert chosen(shelf, Subject("loan", "US-NY", chef)) == "exact"
    assert chosen(shelf, Subject("card", "CN-31", chef)) == "product"
    assert chosen(shelf, Subject("card", "US-NY", chef)) == "both"
    # What is not known fits no scope.
    assert chosen(shelf, Subject(None, None, {"household": "chef"})) == "stages-cn"


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (Scope(products=("a", "b")), Scope(products=("b", "c")), "product b"),
        (Scope(products=("a",)), Scope(products=("b",)), None),
        (Scope(products=("a",)), Scope(regions=("US-*",)), None),
        (Scope(regions=("US-*",)), Scope(regions=("US-*", "CN-31")), "region US-*"),
        (Scope(regions=("US-*",)), Scope(regions=("US-N*",)), None),
        (Scope(regions=("US-NY",)), Scope(regions=("US-N*",)), None),
        (Scope(segments={"occupation": ("a",)}), Scope(segments={"purpose": ("a",)}), "occupation a, purpose a"),
        (Scope(segments={"occupation": ("a",)}), Scope(segments={"occupation": ("b",)}), None),
        (Scope(segments={"occupation": ("a",)}), Scope(segments={"occupation": ("a",), "purpose": ("x",)}), None),
    ],
)  # fmt: skip
def test_scopes_tie_where_neither_is_more_specific(one: Scope, other: Scope, shared: str | None) -> None:
    assert tie(one, other) == tie(other, one) == shared


def test_ties_are_refused_with_file_and_line() -> None:
    one, other = "{products: [a, b]}", "{products: [b]}"
    with pytest.raises(BadPolicy) as refused:
        shelf_of(one=stages("one", scope=one), other=stages("other", scope=other))
    [fault] = refused.value.faults
    assert (fault.file, fault.line) == ("stages-other.yaml", len(BASE.splitlines()) + 1)
    assert "as specific as stages-one.yaml for product b" in fault.reason


def test_scopes_that_tie_only_later_are_refused() -> None:
    one = stages("one", scope="{products: [a]}")
    early = stages("other", scope="{products: [b]}")
    late = stages("other", scope="{products: [a]}", version=2, since="2027-01-01")
    shelf_of(one=one, other=early)
    with pytest.raises(BadPolicy, match="as specific as"):
        shelf_of(one=one, other=early, other2=late)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"other": stages("other")}, "only one may be without a scope"),
        ({"cn": stages("stages-cn", scope="{products: [a]}")}, "no policy is without a scope"),
        ({"x": stages("x", scope="{}")}, "names nothing"),
        ({"x": stages("x", scope="{colours: [red]}")}, "colours"),
        ({"x": stages("x", scope="{segments: {shoe: [red]}}")}, "shoe"),
        ({"x": stages("x", scope="{products: ['a*']}")}, "products"),
        ({"x": stages("x", scope="{regions: ['U*S']}")}, "regions"),
    ],
)
def test_one_policy_is_for_all_and_scopes_say_something(files: dict[str, str], reason: str) -> None:
    with pytest.raises(BadPolicy, match=reason):
        shelf_of(**files)


def test_a_scope_is_for_nobody_before_its_first_version() -> None:
    shelf = shelf_of(us=stages("us", scope="{regions: ['US-*']}", since="2026-12-01"))
    american = Subject("loan", "US-NY")
    assert chosen(shelf, american, date(2026, 11, 30)) == "stages-cn"
    assert chosen(shelf, american, date(2026, 12, 1)) == "us"
    assert shelf.changes_after(date(2026, 11, 30), american) == date(2026, 12, 1)
    assert shelf.changes_after(date(2026, 11, 30), Subject("loan", "CN-31")) is None
    # Dates before all versions are judged by the first that is for all.
    assert chosen(shelf, american, date(2019, 1, 1)) == "stages-cn"


@pytest.mark.parametrize(("moves", "kept"), [("at_once", 2), ("next_stage", 1)])
def test_a_new_version_takes_over_as_it_says(moves: str, kept: int) -> None:
    later = stages("stages-cn", version=2, since="2026-11-24", more=f"moves: {moves}\n")
    shelf = shelf_of(later=later)
    before, day = date(2026, 11, 23), date(2026, 11, 24)
    assert shelf.on(before, since=before).policy.version == 1
    # In the stage since the day before: as the version says; since the day itself: the new one.
    assert shelf.on(day, since=before).policy.version == kept
    assert shelf.on(day, since=day).policy.version == 2
    assert shelf.on(day).policy.version == 2
    assert shelf.changes_after(before, since=before) == (day if moves == "at_once" else None)

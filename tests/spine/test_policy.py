"""Policy files read strictly: every fault is told at once, with its line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
import pytest

from spine.policy import BadPolicy, Fault, Located, load_policy


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    size: Annotated[int, msgspec.Meta(ge=1)] = 1


class Paper(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    items: Annotated[tuple[Item, ...], msgspec.Meta(min_length=1)]
    by_key: dict[str, Item] = {}


GOOD = "name: a\nitems:\n  - id: x\n  - id: y\n    size: 2\nby_key:\n  one: {id: x}\n  two: {id: y}\n"


def faults_of(text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(BadPolicy) as refused:
        load_policy(Paper, text, path="paper.yaml")
    assert refused.value.detail.startswith("paper.yaml: ")
    return [(fault.line, fault.reason) for fault in refused.value.located("paper.yaml")]


def test_a_good_file_has_a_digest_of_what_it_says() -> None:
    loaded = load_policy(Paper, GOOD, path="paper.yaml")
    assert loaded.policy.by_key["two"] == Item("y")
    assert load_policy(Paper, GOOD + "# a remark\n", path="other.yaml").digest == loaded.digest
    assert load_policy(Paper, GOOD.replace("size: 2", "size: 3"), path="paper.yaml").digest != loaded.digest


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("size: 2", "size: 0", 5, ">= 1"),
        ("size: 2", "size: '2'", 5, "Expected `int`, got `str`"),
        ("size: 2", "seize: 2", 5, "unknown field `seize`"),
        ("  - id: y\n", "  - it: y\n", 4, "unknown field `it`"),
        ("two: {id: y}", "two: {id: 7}", 8, "Expected `str`, got `int`"),
        ("one: {id: x}", "one: {}", 7, "missing required field `id`"),
        ("name: a", "name: a\nname: b", 2, "'name' is given twice"),
        ("size: 2", "size: 2026-02-30", 5, "day"),
        ("size: 2", "size: ]", 5, "expected the node content"),
        ("id: y}\n", "id: &a y}\n  three: *a\n", 9, "aliases"),
    ],
)
def test_a_fault_is_told_with_its_line(old: str, new: str, line: int, reason: str) -> None:
    assert old in GOOD
    found = faults_of(GOOD.replace(old, new))
    assert found[0][0] == line, found
    assert any(reason in why for _, why in found)


def test_all_faults_are_told_at_once() -> None:
    text = "name: 3\nitems:\n  - id: x\n    colour: red\n  - id: y\n    size: no\n"
    text += "by_key:\n  one: {id: []}\nwhat: 1\n"
    assert [line for line, _ in faults_of(text)] == [1, 4, 6, 8, 9]


def test_what_only_fails_for_want_of_a_faulty_part_is_not_told() -> None:
    assert [line for line, _ in faults_of("name: a\nitems:\n  - id: 3\n")] == [3]


def test_an_empty_file_and_one_nested_without_end_are_refused() -> None:
    assert [line for line, _ in faults_of("")] == [1]
    assert faults_of("name: a\nitems: " + "[" * 5000)


def test_faults_beyond_the_types_have_the_line_of_their_place() -> None:
    def twice(paper: Paper) -> Iterator[Fault | str]:
        yield Fault(("items", 1, "size"), "too big")
        yield Fault(("items", 1, "nothing", "there"), "about the item")
        yield "about the whole"

    with pytest.raises(BadPolicy) as refused:
        load_policy(Paper, GOOD, path="paper.yaml", faults=twice)
    assert refused.value.faults == (
        Located("paper.yaml", 1, "about the whole"),
        Located("paper.yaml", 4, "about the item"),
        Located("paper.yaml", 5, "too big"),
    )
    assert str(refused.value.faults[2]) == "paper.yaml:5: too big"

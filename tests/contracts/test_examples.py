"""Each type has a golden example that its schema admits and its class reads and writes back unchanged."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from dev.generate_contracts import CONTRACTS, schema_of
from spine.envelope import Envelope, parse_structured, to_structured
from spine.errors import EventRefused
from spine.events import Event, convert, decode, encode, events_of
from spine.events.payments import RepaymentPosted
from spine.topics import TOPICS

TYPES = [cls for topic in TOPICS for cls in events_of(topic)]
EXAMPLES = CONTRACTS / "examples"
FORMATS = FormatChecker(["date"])


@FORMATS.checks("date-time", raises=ValueError)
def _has_an_offset(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


every_type = pytest.mark.parametrize("cls", TYPES, ids=lambda cls: f"{cls.TOPIC}/{cls.TYPE}")


def path_of(cls: type[Event]) -> Path:
    return EXAMPLES / cls.TOPIC / f"{cls.TYPE}.json"


def example(cls: type[Event]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path_of(cls).read_text(encoding="utf-8"))
    return found


def validator(cls: type[Event]) -> Draft202012Validator:
    return Draft202012Validator(schema_of(cls), format_checker=FORMATS)


def test_there_is_one_example_a_type_and_no_other_file() -> None:
    assert {p for p in EXAMPLES.rglob("*") if p.is_file()} == {path_of(cls) for cls in TYPES}


@every_type
def test_the_schema_is_a_schema_and_admits_the_example(cls: type[Event]) -> None:
    Draft202012Validator.check_schema(schema_of(cls))
    assert [error.message for error in validator(cls).iter_errors(example(cls)["data"])] == []


@every_type
def test_the_class_reads_the_example_and_writes_it_back(cls: type[Event]) -> None:
    structured = parse_structured(path_of(cls).read_bytes())
    event = structured.event(cls.TOPIC)
    assert type(event) is cls
    assert msgspec.json.decode(encode(event)) == example(cls)["data"]
    assert decode(cls, encode(event)) == event


@every_type
def test_the_envelope_says_what_the_event_says(cls: type[Event]) -> None:
    given = example(cls)
    event = convert(cls, given["data"])
    owner = TOPICS[cls.TOPIC].owner
    assert given["type"] == cls.TYPE
    assert given.get("subject") == event.subject
    outside = {"core banking": "urn:bank:core", "gateways": "urn:gateway:sms"}
    assert given["source"] == outside.get(owner, f"tact/{owner}")
    # Ticks are never kept, so they have no position; facts of core banking get none from us.
    assert ("position" in given) == (TOPICS[cls.TOPIC].positioned and "tick" not in cls.TYPE)
    assert given.keys() <= to_structured(_full_envelope(), b"{}").keys()


def _full_envelope() -> Envelope:
    return Envelope.from_headers(
        [
            ("ce_id", b"1"),
            ("ce_source", b"s"),
            ("ce_type", b"t"),
            ("ce_time", b"2026-11-24T00:00:00Z"),
            ("ce_subject", b"l"),
            ("ce_position", b"1"),
            ("ce_log_epoch", b"e"),
            ("ce_loan_seq", b"1"),
            ("ce_correlationid", b"c"),
            ("ce_causationid", b"a"),
            ("ce_traceparent", b"p"),
        ]
    )


@every_type
def test_a_field_that_is_not_known_yet_is_tolerated(cls: type[Event]) -> None:
    data = {**example(cls)["data"], "added_in_a_later_release": {"any": [1, None]}}
    assert validator(cls).is_valid(data)
    assert convert(cls, data) == convert(cls, example(cls)["data"])


@every_type
def test_schema_and_class_miss_the_same_fields(cls: type[Event]) -> None:
    data = example(cls)["data"]
    for name in data:
        without = {key: value for key, value in data.items() if key != name}
        assert validator(cls).is_valid(without) == _accepted(cls, without), name


@every_type
def test_schema_and_class_refuse_a_field_of_another_shape(cls: type[Event]) -> None:
    data = example(cls)["data"]
    for name in data:
        wrong = {**data, name: [["not of this shape"]]}
        assert not validator(cls).is_valid(wrong), name
        assert not _accepted(cls, wrong), name


def _accepted(cls: type[Event], data: dict[str, Any]) -> bool:
    try:
        convert(cls, data)
    except EventRefused:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("borrower_id", "B-1\n"),
        ("loan_id", "L\x001"),
        ("loan_id", ""),
        ("repayment_id", "R\x7f"),
        ("amount", "1000.00\n"),
        ("amount", "1e3"),
        ("amount", "-1.00"),
        ("amount", 1000),
        ("currency", "CNY\n"),
        ("currency", "cny"),
        ("value_date", "2026-02-30"),
        ("posted_at", "2026-10-03T01:12:30"),
    ],
)
def test_schema_and_class_refuse_the_same_values(name: str, bad: object) -> None:
    data = {**example(RepaymentPosted)["data"], name: bad}
    assert not validator(RepaymentPosted).is_valid(data)
    assert not _accepted(RepaymentPosted, data)

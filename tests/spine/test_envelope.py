"""Events in and out of their envelopes, and the words for what is wrong with a bad one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spine.envelope import Envelope, parse_structured, to_structured
from spine.errors import BadAmount, BadJson, BadSchema, EventRefused, UnknownType
from spine.events import decode, event_class
from spine.events.corebanking import LoanOpened
from spine.events.payments import RepaymentPosted

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e1",
    "source": "core",
    "type": "repayment.posted.v1",
    "time": "2026-11-20T08:00:00+08:00",
    "data": {
        "borrower_id": "b",
        "loan_id": "l",
        "repayment_id": "r",
        "amount": "3200.00",
        "currency": "CNY",
        "value_date": "2026-11-20",
        "posted_at": "2026-11-20T08:00:00+08:00",
        "unknown_field": "is tolerated",
    },
}


def with_data(**changes: Any) -> bytes:
    return json.dumps({**GOOD, "data": {**GOOD["data"], **changes}}).encode()


def read(line: bytes) -> Any:
    return parse_structured(line).event("corebanking.v1")


def test_a_good_event_is_read() -> None:
    event = read(json.dumps(GOOD).encode())
    assert isinstance(event, RepaymentPosted)
    assert (event.key, event.subject, event.amount) == ("b", "l", "3200.00")


@pytest.mark.parametrize("amount", [3200, 3200.5, "-1.00", "NaN", "1e3", "0.00", "1.001", "", None, "3,200"])
def test_bad_amounts(amount: Any) -> None:
    with pytest.raises(BadAmount) as caught:
        read(with_data(amount=amount))
    assert caught.value.facts["field"] == "amount"


def test_bare_nan_is_a_bad_amount() -> None:
    with pytest.raises(BadAmount):
        read(with_data(amount="?").replace(b'"?"', b"NaN"))


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"nul", b'{"a":1} x', "\ud800".encode("utf-8", "surrogatepass")],
)
def test_not_json(line: bytes) -> None:
    with pytest.raises((BadJson, BadSchema)) as caught:
        read(line)
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"value_date": "2026-13-01"}, "value_date"),
        ({"posted_at": "2026-11-20T08:00:00"}, "posted_at"),
        ({"currency": "yuan"}, "currency"),
        ({"loan_id": ""}, "loan_id"),
        ({"borrower_id": "a\u0000b"}, "borrower_id"),
    ],
)
def test_bad_fields_are_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(BadSchema) as caught:
        read(with_data(**change))
    assert caught.value.facts["field"] == field


def test_unknown_type() -> None:
    with pytest.raises(UnknownType):
        read(json.dumps({**GOOD, "type": "loan.forgiven.v1"}).encode())


@pytest.mark.parametrize("missing", ["id", "source", "type", "specversion"])
def test_missing_attributes(missing: str) -> None:
    with pytest.raises(BadSchema):
        read(json.dumps({k: v for k, v in GOOD.items() if k != missing}).encode())


def opened(**changes: Any) -> bytes:
    loan = {
        "borrower_id": "b",
        "loan_id": "l",
        "product": "p",
        "currency": "CNY",
        "principal": "100.00",
        "annual_rate": "0.12",
        "opened_on": "2026-01-01",
        "schedule": [{"seq": 1, "due_on": "2026-02-01", "principal": "100.00", "interest": "1.00"}],
    }
    return json.dumps({**loan, **changes}).encode()


def test_a_schedule_sums_to_the_principal() -> None:
    assert isinstance(decode(LoanOpened, opened()), LoanOpened)
    with pytest.raises(BadAmount):
        decode(LoanOpened, opened(principal="100.01"))


def test_schedule_numbers_occur_once() -> None:
    row = {"seq": 1, "due_on": "2026-02-01", "principal": "50.00", "interest": "1.00"}
    with pytest.raises(BadSchema):
        decode(LoanOpened, opened(schedule=[row, row]))


def test_headers_round_trip() -> None:
    envelope = Envelope(
        "id", "src", "t.v1", datetime(2026, 1, 1, tzinfo=UTC), "subject", 7, "epoch", 3, "c", "d", "00-ab"
    )
    assert Envelope.from_headers(envelope.headers()) == envelope


def test_headers_without_type_are_refused() -> None:
    with pytest.raises(BadSchema):
        Envelope.from_headers([("ce_id", b"1"), ("ce_source", b"s")])


def test_structured_round_trip() -> None:
    structured = parse_structured(json.dumps(GOOD).encode())
    again = to_structured(structured.envelope, structured.data)
    assert again["data"] == GOOD["data"] and again["id"] == GOOD["id"]


@given(st.binary(max_size=300))
def test_no_bytes_whatever_escape_as_another_error(line: bytes) -> None:
    try:
        read(line)
    except EventRefused:
        return
    raise AssertionError("random bytes were taken for an event")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(list(GOOD) + list(GOOD["data"])), inner, max_size=5)
        ),
        max_leaves=15,
    )
)
def test_no_json_whatever_escapes_as_another_error(value: Any) -> None:
    for line in (json.dumps(value), json.dumps({**GOOD, "data": value})):
        try:
            read(line.encode())
        except EventRefused:
            continue
        raise AssertionError("random JSON was taken for an event")


def test_event_classes_are_found_by_topic() -> None:
    assert event_class("corebanking.v1", "repayment.reversed.v1") is not event_class(
        "ledger.v1", "repayment.reversed.v1"
    )

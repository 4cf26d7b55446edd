"""The REST door: one event or many, every bad input named, reads, the business date, the quarantine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from ledger.app import build
from ledger.door import read_event
from ledger.policy import House
from spine.errors import TactError
from spine.events.parties import BorrowerUpdated
from spine.http import create_api
from tests.ledger.desk import Desk, open_desk
from tests.ledger.events import cloud_event, due, on, opened, posted, reversed_
from tests.runtimes import SHANGHAI

Make = Callable[[], Awaitable[str]]
TOKEN = "t" * 32


@asynccontextmanager
async def open_door(make_database: Make) -> AsyncIterator[tuple[httpx.AsyncClient, Desk]]:
    """A client of the whole service, and the same ledger from inside."""
    async with open_desk(make_database) as desk:
        app = create_api(build(desk.runtime), desk.runtime, token=TOKEN)
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://ledger", headers=headers
        ) as client:
            yield client, desk


def changed(event: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {**event, "data": {**event["data"], **data}}


async def test_new_same_again_other_body(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        event = cloud_event(opened(), "o-1")
        first = await client.post("/v1/events", json=event)
        assert (first.status_code, first.json()) == (
            201,
            {"source": "core", "id": "o-1", "outcome": "accepted"},
        )
        again = await client.post("/v1/events", content=json.dumps(event, indent=3))
        assert (again.status_code, again.json()["outcome"]) == (200, "known")
        other = await client.post("/v1/events", json=changed(event, product="other"))
        assert (other.status_code, other.json()["code"], other.json()["field"]) == (409, "conflict", "id")
        assert other.headers["content-type"] == "application/problem+json"
        early = await client.post("/v1/events", json=cloud_event(posted("1.00", "11-01", loan="L-9"), "p-1"))
        assert (early.status_code, early.json()["outcome"]) == (201, "parked")
        assert await desk.said(of="L-1") == ["loan.registered", "loan.overdue", "dead_letter.opened"]


async def test_the_quarantine_lists_what_was_put_aside(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        await desk.take(opened())
        for n, event in enumerate(
            (posted("1.00", "11-01", currency="USD"), opened(), reversed_("R", "11-02", borrower="B-2"))
        ):
            answer = await client.post("/v1/events", json=cloud_event(event, f"bad-{n}"))
            assert answer.status_code == (422 if n == 0 else 409)
        page = (await client.get("/v1/quarantine", params={"limit": 2})).json()
        rest = (await client.get("/v1/quarantine", params={"limit": 2, "cursor": page["next_cursor"]})).json()
        items = [*page["items"], *rest["items"]]
        assert [item["code"] for item in items] == ["wrong_currency", "conflict", "conflict"]
        assert {(item["loan_id"], item["borrower_id"], item["offset"]) for item in items} == {
            ("L-1", "B-1", -1)
        }
        assert rest["next_cursor"] is None


async def test_two_refused_events_of_one_body_are_two_letters(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        await desk.take(opened())
        wrong = posted("1.00", "11-01", currency="USD")
        for event_id in ("w-1", "w-2", "w-2"):
            assert (await client.post("/v1/events", json=cloud_event(wrong, event_id))).status_code == 422
        assert len((await client.get("/v1/quarantine")).json()["items"]) == 2


LOAN = cloud_event(opened(), "o-1")
MONEY = cloud_event(posted("10.00", "11-01"), "p-1")

BAD: list[tuple[Any, str, str | None]] = [
    (b"{", "bad_json", None),
    (b"\xff\xfe", "bad_json", None),
    (b"[1]", "bad_schema", None),
    (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "bad_json", None),
    ({**LOAN, "type": "loan.exploded.v1"}, "unknown_type", "type"),
    (cloud_event(BorrowerUpdated(borrower_id="B-1", name="王"), "b-1"), "unknown_type", "type"),
    ({**LOAN, "specversion": "0.3"}, "bad_schema", "specversion"),
    ({**LOAN, "id": ""}, "bad_schema", "id"),
    ({**LOAN, "source": "a\x00b"}, "bad_schema", "source"),
    ({name: LOAN[name] for name in LOAN if name != "data"}, "bad_schema", None),
    (changed(LOAN, borrower_id=None), "bad_schema", "borrower_id"),
    (changed(LOAN, opened_on="2026-02-30"), "bad_schema", "opened_on"),
    (changed(LOAN, principal="3000.01"), "bad_amount", "schedule"),
    (changed(LOAN, currency="JPY"), "bad_amount", None),
    (changed(LOAN, schedule=[]), "bad_schema", "schedule"),
    (changed(LOAN, terms={"calendar": "XX"}), "bad_schema", "terms.calendar"),
    (changed(LOAN, terms={"day_count": 366}), "bad_schema", "terms.day_count"),
    (changed(LOAN, annual_rate="999"), "bad_amount", "annual_rate"),
    (changed(LOAN, annual_rate="2", terms={"penalty": {"multiplier": "51"}}), "bad_amount", "annual_rate"),
    (changed(MONEY, amount="-1.00"), "bad_amount", "amount"),
    (changed(MONEY, amount="0.00"), "bad_amount", "amount"),
    (changed(MONEY, amount="1e3"), "bad_amount", "amount"),
    (changed(MONEY, amount=10.5), "bad_amount", "amount"),
    (changed(MONEY, amount="10.001"), "bad_amount", "amount"),
    (changed(MONEY, amount="NaN"), "bad_amount", "amount"),
    (changed(MONEY, amount="999999999999999.00"), "bad_amount", "amount"),
    (json.dumps(changed(MONEY, amount=float("nan"))).encode(), "bad_amount", None),
    (changed(MONEY, posted_at="2026-11-01T10:00:00"), "bad_schema", "posted_at"),
]


@pytest.mark.parametrize(("body", "code", "field"), BAD, ids=range(len(BAD)))
async def test_bad_events_are_refused_with_code_and_field(body: Any, code: str, field: str | None) -> None:
    """Without a database: what is malformed never gets that far."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(TactError) as caught:
        read_event(content, House.load(SHANGHAI), 6)
    assert (caught.value.code, caught.value.status) == (code, 422)
    if field is not None:
        assert caught.value.facts["field"] == field


async def test_a_refusal_is_a_problem_with_code_and_field_and_changes_nothing(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        for body, code, _ in [each for each in BAD if each[1] != "unknown_type"][:8]:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            answer = await client.post("/v1/events", content=content)
            assert (answer.status_code, answer.json()["code"]) == (422, code)
        answer = await client.post("/v1/events", content=b" " * (1 << 20) + b"{}")
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        answer = await client.post("/v1/events", json=LOAN, headers={"Authorization": "Bearer wrong"})
        assert answer.status_code == 401
        assert await desk.said() == []
        assert await desk.rows("SELECT 1 FROM inbox") == []


async def test_a_loan_and_its_arrears_on_two_clocks(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        await client.post("/v1/events", json=LOAN)
        known_before_money = desk.runtime.clock.instant.isoformat()  # type: ignore[attr-defined]
        await desk.close_through(on("11-24"))
        await client.post("/v1/events", json=cloud_event(posted("1137.00", "11-23", id="R-1"), "p-1"))

        now = (await client.get("/v1/loans/L-1/arrears")).json()
        assert list(now) == [
            "loan_id",
            "borrower_id",
            "currency",
            "as_of",
            "status",
            "dpd",
            "past_due_days",
            "oldest_unpaid_due_on",
            "overdue",
            "outstanding_principal",
            "overpaid",
            "in_grace",
            "paused",
        ]
        assert (now["as_of"], now["dpd"], now["oldest_unpaid_due_on"]) == ("2026-11-25", 46, "2026-10-10")
        then = (await client.get("/v1/loans/L-1/arrears", params={"as_of": "2026-11-23"})).json()
        assert (then["dpd"], then["overdue"]["penalty"]) == (44, "28.50")
        unknowing = await client.get(
            "/v1/loans/L-1/arrears", params={"as_of": "2026-11-23", "known_at": known_before_money}
        )
        assert (unknowing.json()["dpd"], unknowing.json()["overdue"]["penalty"]) == (74, "65.50")
        for params, status in (
            ({"as_of": "2026-01-09"}, 404),
            ({"known_at": "2026-11-22T00:00:00Z"}, 404),
            ({"known_at": "2026-11-22T00:00:00"}, 422),
            ({"as_of": "tomorrow"}, 422),
        ):
            assert (await client.get("/v1/loans/L-1/arrears", params=params)).status_code == status

        loan = await client.get("/v1/loans/L-1")
        body = loan.json()
        assert (body["dpd"], body["status"], body["overdue"]) == (46, "overdue", now["overdue"])
        assert body["terms"]["tolerance"] == "10.00"
        assert [row["seq"] for row in body["schedule"]] == [1, 2, 3]
        same = await client.get("/v1/loans/L-1", headers={"If-None-Match": loan.headers["ETag"]})
        assert (same.status_code, same.content) == (304, b"")
        await client.post("/v1/events", json=cloud_event(reversed_("R-1", "11-24"), "v-1"))
        other = await client.get("/v1/loans/L-1", headers={"If-None-Match": loan.headers["ETag"]})
        assert other.json()["dpd"] == 76
        assert (await client.get("/v1/loans/L-%00")).status_code == 404
        [money] = (await client.get("/v1/loans/L-1/repayments")).json()["items"]
        assert (money["amount"], money["reversed_on"]) == ("1137.00", "2026-11-24")


async def test_lists_go_on_at_their_cursor(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        await desk.take(
            *(opened(due(1, f"{5 + n:02}-23", "1000.00"), loan=f"L-{n}") for n in range(6)),
            opened(due(1, "2027-01-23", "1000.00"), loan="L-6"),
        )
        await desk.take(*(posted("1.00", f"11-0{n}", id=f"R-{n}", loan="L-6") for n in (3, 1, 2)))

        async def ids(path: str, key: str, **params: Any) -> list[str]:
            found: list[str] = []
            while True:
                page = (await client.get(path, params={**params, "limit": 2})).json()
                found += [item[key] for item in page["items"]]
                if page["next_cursor"] is None:
                    return found
                params["cursor"] = page["next_cursor"]

        assert await ids("/v1/loans", "loan_id") == [f"L-{n}" for n in range(7)]
        assert await ids("/v1/loans", "loan_id", status="overdue") == [f"L-{n}" for n in range(6)]
        # On 11-23: L-5 is 31 days past due, L-4 is 61.
        assert await ids("/v1/loans", "loan_id", dpd_min=61) == [f"L-{n}" for n in range(5)]
        assert await ids("/v1/loans", "loan_id", dpd_min=62) == [f"L-{n}" for n in range(4)]
        assert await ids("/v1/loans/L-6/repayments", "repayment_id") == ["R-1", "R-2", "R-3"]
        for params in ({"cursor": "x"}, {"limit": 0}, {"status": "late"}, {"dpd_min": -1}):
            assert (await client.get("/v1/loans", params=params)).status_code == 422
        assert (await client.get("/v1/loans/nobody")).json()["code"] == "not_found"


async def test_the_business_date_over_rest(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        state = (await client.get("/v1/business-date")).json()
        assert (state["open_on"], state["last_close"]) == ("2026-11-23", None)
        desk.go_to(on("11-24"))
        for date, status in (
            ("2026-11-24", 409),
            ("2026-11-23", 200),
            ("2026-11-23", 200),
            ("2026-11-24", 409),
        ):
            answer = await client.post("/v1/business-date/close", json={"date": date})
            assert answer.status_code == status
        assert answer.json()["next"] == "2026-11-24"
        for body in ({"date": "11-24"}, {}, {"date": "2026-11-24", "force": True}):
            assert (await client.post("/v1/business-date/close", json=body)).status_code == 422
        state = (await client.get("/v1/business-date")).json()
        assert (state["open_on"], state["last_close"]["business_date"]) == ("2026-11-24", "2026-11-23")

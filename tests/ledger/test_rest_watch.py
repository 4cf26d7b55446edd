"""The door's rooms for people: the quarantine resolved and replayed, what waits, what changed, what differs."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from spine.events.corebanking import ArrearsStated, ChargeAdded, DelinquencyPaused, FeedHeartbeat
from spine.events.parties import BorrowerUpdated
from spine.events.payments import DebitScheduled, RepaymentPending
from tests.ledger.events import cloud_event, due, on, opened, posted, reversed_
from tests.ledger.test_rest import open_door

Make = Callable[[], Awaitable[str]]


def stated(dpd: int, principal: str, interest: str, *, as_of: str = "11-23") -> ArrearsStated:
    return ArrearsStated(
        borrower_id="B-1",
        loan_id="L-1",
        as_of=on(as_of),
        days_past_due=dpd,
        overdue_principal=principal,
        overdue_interest=interest,
    )


async def test_a_quarantined_event_is_looked_at_and_resolved_once(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        await client.post("/v1/events", json=cloud_event(opened(), "o-1"))
        bad = cloud_event(posted("5.00", "11-20", currency="USD"), "p-1")
        assert (await client.post("/v1/events", json=bad)).status_code == 422
        listed = (await client.get("/v1/quarantine", params={"loan_id": "L-1"})).json()["items"]
        assert [(item["code"], item["loan_id"]) for item in listed] == [("wrong_currency", "L-1")]
        assert (await client.get("/v1/quarantine", params={"code": "conflict"})).json()["items"] == []
        path = f"/v1/quarantine/{listed[0]['id']}"
        found = (await client.get(path)).json()
        assert json.loads(found["body"])["currency"] == "USD"
        assert found["resolved_at"] is None

        empty = await client.post(f"{path}/resolve", json={"resolution": ""})
        assert (empty.status_code, empty.json()["code"]) == (422, "bad_request")
        done = await client.post(f"{path}/resolve", json={"resolution": "core sent it again in CNY"})
        assert (done.status_code, done.json()["resolution"]) == (200, "core sent it again in CNY")
        assert (await client.get("/v1/quarantine")).json()["items"] == []
        again = await client.post(f"{path}/resolve", json={"resolution": "x"})
        assert (again.status_code, again.json()["code"]) == (409, "conflict")
        assert (await client.get("/v1/quarantine/none")).status_code == 404
        assert (await desk.said(of="L-1"))[-2:] == ["dead_letter.opened", "dead_letter.resolved"]


async def test_a_replayed_event_is_taken_in_or_stays_where_it_is(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        await client.post("/v1/events", json=cloud_event(opened(), "o-1"))
        event = cloud_event(posted("5.00", "11-20", id="R-1", currency="USD"), "p-1")
        await client.post("/v1/events", json=event)
        [item] = (await client.get("/v1/quarantine")).json()["items"]
        refused = await client.post(f"/v1/quarantine/{item['id']}/replay")
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
        assert "wrong_currency" in refused.json()["detail"]
        assert len((await client.get("/v1/quarantine")).json()["items"]) == 1
        # Once what it contradicted is mended, the very same event goes in.
        await desk.rows_changed("UPDATE loan SET currency = 'USD' WHERE loan_id = 'L-1'")
        assert (await client.post(f"/v1/quarantine/{item['id']}/replay")).status_code == 200
        assert (await client.get("/v1/quarantine")).json()["items"] == []
        [money] = (await client.get("/v1/loans/L-1/repayments")).json()["items"]
        assert (money["repayment_id"], money["amount"]) == ("R-1", "5.00")


async def test_what_waits_is_listed_until_it_is_released(make_database: Make) -> None:
    async with open_door(make_database) as (client, _):
        await client.post("/v1/events", json=cloud_event(reversed_("R-1", "11-21"), "r-1"))
        await client.post("/v1/events", json=cloud_event(posted("1.00", "11-20", id="R-2"), "p-2"))
        waiting = (await client.get("/v1/parked", params={"limit": 1})).json()
        assert [(item["type"], item["waits_for"]) for item in waiting["items"]] == [
            ("repayment.reversed.v1", "loan")
        ]
        rest = (await client.get("/v1/parked", params={"cursor": waiting["next_cursor"]})).json()
        assert [item["event_id"] for item in rest["items"]] == ["p-2"]
        await client.post("/v1/events", json=cloud_event(opened(), "o-1"))
        left = (await client.get("/v1/parked", params={"loan_id": "L-1"})).json()["items"]
        assert [item["waits_for"] for item in left] == ["repayment:R-1"]
        await client.post("/v1/events", json=cloud_event(posted("9.00", "11-20", id="R-1"), "p-1"))
        assert (await client.get("/v1/parked")).json() == {"items": [], "next_cursor": None}


async def test_amendments_are_kept_as_they_were_stated(make_database: Make) -> None:
    async with open_door(make_database) as (client, _):
        await client.post("/v1/events", json=cloud_event(opened(), "o-1"))
        charge = ChargeAdded(
            borrower_id="B-1", loan_id="L-1", charge_id="C-1", kind="fee", amount="20.00", due_on=on("11-01")
        )
        before = await client.get("/v1/loans/L-1/arrears")
        await client.post("/v1/events", json=cloud_event(charge, "c-1"))
        [kept] = (await client.get("/v1/loans/L-1/amendments")).json()["items"]
        assert (kept["type"], kept["event_id"], kept["data"]["amount"]) == ("charge.added.v1", "c-1", "20.00")
        after = await client.get("/v1/loans/L-1/arrears")
        assert (before.json()["overdue"]["fee"], after.json()["overdue"]["fee"]) == ("0.00", "20.00")
        assert before.headers["etag"] != after.headers["etag"]
        same = await client.get("/v1/loans/L-1/arrears", headers={"If-None-Match": after.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        assert (await client.get("/v1/loans/L-9/amendments")).status_code == 404


async def test_money_on_its_way_is_shown(make_database: Make) -> None:
    async with open_door(make_database) as (client, _):
        await client.post("/v1/events", json=cloud_event(opened(), "o-1"))
        pending = RepaymentPending(
            borrower_id="B-1",
            loan_id="L-1",
            repayment_id="R-7",
            amount="100.00",
            initiated_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
            expected_on=on("11-24"),
        )
        debit = DebitScheduled(
            borrower_id="B-1",
            loan_id="L-1",
            debit_id="D-1",
            amount="50.00",
            at=datetime(2026, 11, 25, 1, tzinfo=UTC),
        )
        tag = (await client.get("/v1/loans/L-1")).headers["etag"]
        for number, event in enumerate((pending, debit)):
            await client.post("/v1/events", json=cloud_event(event, f"t-{number}"))
        loan = await client.get("/v1/loans/L-1", headers={"If-None-Match": tag})
        assert loan.status_code == 200
        assert [(each["kind"], each["state"], each["until"]) for each in loan.json()["in_transit"]] == [
            ("pending", "open", "2026-11-25T16:00:00Z"),
            ("debit", "announced", "2026-11-26T01:00:00Z"),
        ]
        await client.post("/v1/events", json=cloud_event(posted("100.00", "11-24", id="R-7"), "p-7"))
        assert [each["kind"] for each in (await client.get("/v1/loans/L-1")).json()["in_transit"]] == [
            "debit"
        ]
        all_of_it = (await client.get("/v1/loans/L-1/transits")).json()
        assert [(each["state"], each["repayment_id"]) for each in all_of_it] == [
            ("posted", "R-7"),
            ("announced", None),
        ]


async def test_money_that_did_not_come_in_time_is_a_new_version_of_the_loan(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        await client.post("/v1/events", json=cloud_event(opened(), "o-1"))
        debit = DebitScheduled(
            borrower_id="B-1",
            loan_id="L-1",
            debit_id="D-1",
            amount="50.00",
            at=datetime(2026, 11, 23, 1, tzinfo=UTC),
        )
        await client.post("/v1/events", json=cloud_event(debit, "t-1"))
        before = await client.get("/v1/loans/L-1")
        assert [each["state"] for each in before.json()["in_transit"]] == ["open"]
        desk.wait(minutes=24 * 60)
        await desk.move_transits()
        after = await client.get("/v1/loans/L-1", headers={"If-None-Match": before.headers["etag"]})
        assert (after.status_code, after.json()["in_transit"]) == (200, [])


async def test_a_statement_that_differs_is_listed_until_a_person_settles_it(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        await client.post("/v1/events", json=cloud_event(opened(), "o-1"))
        path = "/v1/loans/L-1/statement/resolve"
        assert (await client.post(path, json={"resolution": "none yet"})).status_code == 404
        await client.post("/v1/events", json=cloud_event(stated(73, "3000.00", "300.00"), "s-1"))
        [item] = (await client.get("/v1/statements")).json()["items"]
        assert (item["state"], item["differences"]) == ("mismatch", ["days_past_due"])
        assert (item["stated"]["days_past_due"], item["ledger"]["days_past_due"]) == (73, 74)
        done = await client.post(path, json={"resolution": "core counts from the day after"})
        assert (done.json()["state"], done.json()["resolution"]) == (
            "resolved",
            "core counts from the day after",
        )
        await client.post(path, json={"resolution": "again"})
        assert (await client.get("/v1/statements")).json()["items"] == []
        assert (await desk.said(of="L-1"))[-2:] == ["statement.mismatch", "statement.matched"]


async def test_arrears_are_listed_longest_first_and_stand_still_in_a_pause(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        lines = []
        for number, day in enumerate(("11-20", "09-10", "10-10", "11-23", "11-13")):
            event = opened(due(1, day, "1000.00"), loan=f"L-{number}", borrower=f"B-{number % 2}")
            lines.append(json.dumps(cloud_event(event, f"o-{number}")))
        headers = {"content-type": "application/x-ndjson"}
        await client.post("/v1/events", content="\n".join(lines), headers=headers)
        pause = DelinquencyPaused(borrower_id="B-0", loan_id="L-2", from_on=on("11-23"))
        await client.post("/v1/events", json=cloud_event(pause, "pause"))

        async def arrears(dpd_min: int, **asked: Any) -> list[tuple[str, int]]:
            found: list[tuple[str, int]] = []
            cursor: str | None = ""
            while cursor is not None:
                params = {"dpd_min": dpd_min, "limit": 1, **asked, **({"cursor": cursor} if cursor else {})}
                page = (await client.get("/v1/loans", params=params)).json()
                found += [(item["loan_id"], item["dpd"]) for item in page["items"]]
                cursor = page["next_cursor"]
            return found

        assert await arrears(1) == [("L-1", 74), ("L-2", 44), ("L-4", 10), ("L-0", 3)]
        assert await arrears(10) == [("L-1", 74), ("L-2", 44), ("L-4", 10)]
        assert await arrears(1, borrower_id="B-1") == [("L-1", 74)]
        await desk.close_through(on("11-25"))
        # Two days on, and the paused loan where it was.
        assert await arrears(44) == [("L-1", 77), ("L-2", 44)]
        assert await arrears(45) == [("L-1", 77)]
        assert await arrears(1, status="written_off") == []


async def test_the_feed_is_shown_with_its_silence(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        beat = {
            **cloud_event(FeedHeartbeat(at=datetime(2026, 11, 23, 4, tzinfo=UTC)), "h-1"),
            "subject": None,
        }
        assert (await client.post("/v1/events", json=beat)).status_code == 201
        [feed] = (await client.get("/v1/business-date")).json()["feeds"]
        assert (feed["source"], feed["silent"]) == ("core", False)
        desk.wait(minutes=90)
        [feed] = (await client.get("/v1/business-date")).json()["feeds"]
        assert not feed["silent"]
        desk.wait(minutes=1)
        [feed] = (await client.get("/v1/business-date")).json()["feeds"]
        assert feed["silent"]


@pytest.mark.parametrize("cursor", ["x", "WyIxIl0", "WyItMSJd", "W10", "WyJhIiwiYiJd"])
@pytest.mark.parametrize(
    "path", ["/v1/loans?dpd_min=1", "/v1/quarantine", "/v1/loans/L-1/repayments", "/v1/parked"]
)
async def test_cursors_of_other_lists_are_refused(make_database: Make, path: str, cursor: str) -> None:
    async with open_door(make_database) as (client, _):
        await client.post("/v1/events", json=cloud_event(opened(), "o-1"))
        joined = f"{path}{'&' if '?' in path else '?'}cursor={cursor}"
        answer = await client.get(joined)
        if path == "/v1/parked" and cursor == "WyIxIl0":
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


async def test_a_type_nobody_knows_holds_what_it_names(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        await client.post("/v1/events", json=cloud_event(opened(), "o-1"))
        event = {**cloud_event(opened(), "x-1"), "type": "loan.exploded.v1"}
        event["data"] = {"loan_id": "L-1", "borrower_id": "B-9"}
        for _ in range(2):
            answer = await client.post("/v1/events", json=event)
            assert (answer.status_code, answer.json()["code"]) == (422, "unknown_type")
        of_all = {**event, "id": "x-2", "data": {"borrower_id": "B-7"}}
        of_none = {**event, "id": "x-3", "data": {"loan_id": "L-404"}}
        lines = "\n".join(json.dumps(each) for each in (of_all, of_none, {**event, "data": 7}))
        headers = {"content-type": "application/x-ndjson"}
        answers = (await client.post("/v1/events", content=lines, headers=headers)).text.splitlines()
        assert [json.loads(each)["code"] for each in answers] == ["unknown_type"] * 3
        # The loan is held under its own borrower, once; without a loan all of the borrower's; else nothing is.
        items = (await client.get("/v1/quarantine")).json()["items"]
        assert [(i["borrower_id"], i["loan_id"], i["code"]) for i in items] == [
            ("B-1", "L-1", "unknown_type"),
            ("B-7", None, "unknown_type"),
        ]
        # Events of people came to the wrong door, and nothing of them is kept.
        person = cloud_event(BorrowerUpdated(borrower_id="B-1", name="王"), "b-1")
        assert (await client.post("/v1/events", json=person)).json()["code"] == "unknown_type"
        assert (await client.get("/v1/quarantine")).json()["items"] == items
        assert len(await desk.told("dead_letter.opened")) == 1

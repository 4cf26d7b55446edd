"""How the figures of a loan came about, over REST: line by line, in words, on two clocks; and its asset class."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from spine.events.corebanking import LoanClosed, LoanRescheduled, LoanTerms, PenaltyTerms
from tests.ledger.events import cloud_event, due, on, opened, posted
from tests.ledger.test_rest import open_door

Make = Callable[[], Awaitable[str]]

#: Two instalments, a fee on the first; asked about on 11-20.
TWO = opened(
    due(1, "10-10", "900.00", "100.00", "20.00"),
    due(2, "11-10", "910.00", "90.00"),
    terms=LoanTerms(penalty=PenaltyTerms(compound_on_interest=True)),
)


async def test_a_breakdown_adds_up_to_the_arrears_on_both_clocks(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        await client.post("/v1/events", json=cloud_event(TWO, "o-1"))
        before_money = desk.runtime.clock.instant.isoformat()  # type: ignore[attr-defined]
        await desk.close_through(on("11-23"))
        await client.post("/v1/events", json=cloud_event(posted("1040.50", "11-20", id="R-1"), "p-1"))

        path = "/v1/loans/L-1/breakdown"
        on_the_day = {"as_of": "2026-11-20"}
        answer = await client.get(path, params={**on_the_day, "locale": "en"})
        found = answer.json()
        arrears = (await client.get("/v1/loans/L-1/arrears", params=on_the_day)).json()
        assert {name: found[name] for name in ("dpd", "status", "overdue", "overpaid", "as_of")} == {
            name: arrears[name] for name in ("dpd", "status", "overdue", "overpaid", "as_of")
        }
        first, second = found["items"]
        assert [(each["component"], each["exact"]) for each in first["accruals"]] == [
            ("penalty", "18.45"),
            ("compound", "2.05"),
        ]
        assert [each["amount"] for each in first["allocations"]] == [
            "20.00",
            "18.45",
            "2.05",
            "100.00",
            "900.00",
        ]
        assert {each["repayment_id"] for each in first["allocations"]} == {"R-1"}
        assert second["unpaid"]["total"] == "1005.00"
        assert (
            "Instalment 1, due 2026-10-10: principal 900.00 overdue 41 days x 18 % a year / 360 = 18.45."
            in found["sentences"]
        )

        unknowing = await client.get(path, params={**on_the_day, "known_at": before_money})
        assert unknowing.json()["overdue"]["total"] == "2045.50"
        assert unknowing.json()["locale"] == "zh-CN"
        assert unknowing.json()["sentences"][-1] == "逾期41天，自2026-10-10起计。"

        same = await client.get(
            path, params={**on_the_day, "locale": "en"}, headers={"If-None-Match": answer.headers["ETag"]}
        )
        assert (same.status_code, same.content) == (304, b"")
        other = await client.get(path, params=on_the_day, headers={"If-None-Match": answer.headers["ETag"]})
        assert other.status_code == 200
        assert (await client.get(path)).json()["as_of"] == "2026-11-24"
        for params, status in (
            ({"as_of": "2026-01-09"}, 404),
            ({"known_at": "2026-11-22T00:00:00Z"}, 404),
            ({"locale": "fr"}, 422),
        ):
            assert (await client.get(path, params=params)).status_code == status
        assert (await client.get("/v1/loans/nobody/breakdown")).status_code == 404


async def test_a_loan_shows_its_asset_class(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        late = due(1, "08-24", "1000.00")
        await desk.take(
            opened(late),
            opened(late, loan="L-2", product="card"),
            opened(due(1, "05-10", "1000.00"), loan="L-3"),
            LoanRescheduled(
                borrower_id="B-1",
                loan_id="L-3",
                effective_on=on("05-01"),
                reason="hardship",
                schedule=(due(2, "12-10", "1000.00"),),
            ),
            opened(late, loan="L-4"),
            LoanClosed(borrower_id="B-1", loan_id="L-4", closed_on=on("09-01"), reason="sold"),
        )
        classes = {}
        for loan in ("L-1", "L-2", "L-3", "L-4"):
            classes[loan] = (await client.get(f"/v1/loans/{loan}")).json()["classification"]
        # On 11-23 a loan due on 08-24 is 91 days past due.
        told = {loan: (each["asset_class"], each["basis"], each["table"]) for loan, each in classes.items()}
        assert told == {
            "L-1": ("substandard", "days_past_due", "loan"),
            "L-2": ("substandard", "days_past_due", "card"),
            "L-3": ("special_mention", "observation", "loan"),
            "L-4": (None, "nothing_owed", "loan"),
        }
        assert classes["L-3"]["observation"] == {
            "since_on": "2026-05-01",
            "reason": "hardship",
            "not_before_on": "2027-05-01",
            "until_on": None,
            "paid_in_a_row": 0,
            "awaits": ["time", "instalments"],
        }
        await desk.close_through(on("12-23"))
        card = (await client.get("/v1/loans/L-2")).json()
        plain = (await client.get("/v1/loans/L-1")).json()
        assert (card["dpd"], card["classification"]["asset_class"]) == (122, "doubtful")
        assert plain["classification"]["asset_class"] == "substandard"
        assert plain["classification"]["digest"] == card["classification"]["digest"]

"""Dates that no loan has are refused at the door; at the ends of what is allowed everything still fits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from copy import deepcopy
from typing import Any

import msgspec
import pytest

from ledger.books import Answer, Outcome
from spine.errors import EventRefused
from spine.events.payments import DebitFailed
from spine.events.registry import Event, decode, encode
from tests.ledger.desk import open_desk
from tests.ledger.events import (
    at,
    claimed,
    due,
    held,
    on,
    opened,
    paused,
    posted,
    reversed_,
    stated,
    taken_over,
)
from tests.ledger.test_facts_taken_in import EACH

Make = Callable[[], Awaitable[str]]

ALL: tuple[Event, ...] = (
    *(event for event in EACH if not isinstance(event, DebitFailed)),
    opened(),
    taken_over(as_of="11-20", episode_began_on=on("10-11")),
    posted("100.00", "11-20", id="R-2"),
    reversed_("R-1", "11-20"),
)
GOOD = ("1900-01-01", "2199-12-31")
BAD = ("0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31")


def dated(event: Event, days: tuple[str, ...], loan: str) -> Iterator[Event]:
    """The event with each of its dates, one at a time, on each of the days."""
    body = {**msgspec.json.decode(encode(event)), "loan_id": loan}
    for path, text in leaves(body):
        is_date = text[:2] == "20" and text[4:5] == "-"
        for day in days if is_date else ():
            changed = deepcopy(body)
            place = changed
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = day + text[10:]
            try:
                yield decode(type(event), msgspec.json.encode(changed))
            except EventRefused:
                assert isinstance(event, type(paused("11-01", "11-05")))  # Its end before its beginning.


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(value, (*path, key))
    elif isinstance(node, str):
        yield path, node


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.TYPE)
async def test_dates_out_of_reach_are_refused_and_those_at_its_ends_are_not(
    make_database: Make, event: Event
) -> None:
    async with open_desk(make_database) as desk:
        answers: dict[tuple[str, ...], list[Answer]] = {}
        for days in (GOOD, BAD):
            answers[days] = []
            for n, changed in enumerate(dated(event, days, "L-1")):
                loan = f"L-{days[0]}-{n}"
                if not hasattr(event, "schedule") or hasattr(event, "effective_on"):
                    await desk.take(opened(loan=loan), posted("100.00", "11-20", id="R-1", loan=loan))
                [answer] = await desk.take(msgspec.structs.replace(changed, loan_id=loan))
                answers[days].append(answer)
        assert {answer.outcome for answer in answers[GOOD]} == {Outcome.ACCEPTED}
        for_ever = getattr(event, "to_on", None) is not None
        assert {answer.code for answer in answers[BAD]} == {"bad_schema", *([None] if for_ever else [])}
        await desk.close_through(on("11-23"))


async def test_a_pause_may_end_at_the_end_of_days(make_database: Make) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened(), paused("11-23", "9999-12-31"))
        assert (await desk.told("arrears.changed"))[-1]["resumes_on"] == "9999-12-31"
        await desk.close_through(on("11-24"))
        assert (await desk.loan())[1].dpd_on(on("11-25")) == 74


async def test_the_greatest_loan_with_the_greatest_rate_for_three_centuries_fits(make_database: Make) -> None:
    rows = due(1, "1900-01-01", "900000000000.00", "100000000000.00")
    async with open_desk(make_database) as desk:
        answers = await desk.take(
            opened(rows, opened_on="1900-01-01", annual_rate="66.6666"),
            stated("2199-12-31", 1, "1.00", "1.00", "0.00"),
        )
        assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED] * 2
        [row] = await desk.rows("SELECT ledger_penalty_minor FROM statement_check")
        assert row.ledger_penalty_minor > 10**18


@pytest.mark.parametrize("year", [1899, 2200])
async def test_what_people_said_of_such_days_is_refused_too(make_database: Make, year: int) -> None:
    async with open_desk(make_database) as desk:
        await desk.take(opened())
        far = at(f"{year}-12-31")
        for said in (claimed(far), held(far), held(at("11-23"), far)):
            with pytest.raises(EventRefused):
                await desk.hear(said)
        assert len(await desk.said()) == 2

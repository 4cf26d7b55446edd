"""The bulk door: an answer for every line, whatever is in it, and no line held longer than needed."""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from ledger import bulk
from ledger.app import build
from ledger.bulk import MAX_LINE_BYTES, Line, Lines
from spine.http import create_api
from tests.ledger.desk import Desk, open_desk
from tests.ledger.events import cloud_event, opened, posted

Make = Callable[[], Awaitable[str]]
TOKEN = "t" * 32
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-ndjson; charset=utf-8"}


@asynccontextmanager
async def open_door(
    make_database: Make, *, body_limit: int = bulk.MAX_BODY_BYTES
) -> AsyncIterator[tuple[httpx.AsyncClient, Desk]]:
    async with open_desk(make_database) as desk:
        service = build(desk.runtime)
        service.state["body_limits"]["/v1/events"] = body_limit
        app = create_api(service, desk.runtime, token=TOKEN)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://ledger", headers=HEADERS
        ) as client:
            yield client, desk


async def send(client: httpx.AsyncClient, lines: Iterable[bytes]) -> list[dict[str, Any]]:
    answer = await client.post("/v1/events", content=b"\n".join(lines))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.content.splitlines()]


def line(event: Any, id: str) -> bytes:
    return json.dumps(cloud_event(event, id)).encode()


async def test_every_line_has_its_answer_and_bad_ones_stop_nothing(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        answers = await send(
            client,
            [
                line(opened(), "o"),
                b"{",
                line(posted("1.00", "11-01", id="R-1"), "p"),
                b"",
                line(posted("1.00", "11-01", id="R-1"), "p"),
                line(posted("2.00", "11-01", id="R-1"), "p"),
                line(posted("1.00", "11-01", currency="USD"), "usd"),
                b" " * (MAX_LINE_BYTES + 1),
                line(posted("1.00", "11-01", id="R-1", loan="L-9"), "early"),
                b'{"specversion":"1.0","id":"x","source":"core","type":"no.such.v1","data":{}}',
                line(posted("3.00", "11-01", id="R-3"), "last") + b"\r",
            ],
        )
        assert [(each["line"], each["status"], each.get("code")) for each in answers] == [
            (1, 201, None),
            (2, 422, "bad_json"),
            (3, 201, None),
            (5, 200, None),
            (6, 409, "conflict"),
            (7, 422, "wrong_currency"),
            (8, 413, "too_large"),
            (9, 201, None),
            (10, 422, "unknown_type"),
            (11, 201, None),
        ]
        assert all(each.get("message") for each in answers if each["status"] > 201)
        assert (await desk.said()).count("repayment.received") == 2


async def test_many_lines_make_few_transactions(make_database: Make) -> None:
    async with open_door(make_database) as (client, desk):
        await desk.take(opened())
        lines = [line(posted("1.00", "11-01", id=f"R-{n}"), f"p-{n}") for n in range(1203)]
        answers = await send(client, lines)
        assert [each["status"] for each in answers] == [201] * 1203
        transactions = await desk.rows("SELECT DISTINCT recorded_at, xmin FROM repayment")
        assert len(transactions) == 3
        assert {each["status"] for each in await send(client, lines)} == {200}


async def test_a_line_that_cannot_be_written_costs_only_itself(make_database: Make) -> None:
    """A column refuses what no check foresaw: its batch is tried again line by line."""
    async with open_door(make_database) as (client, desk):
        await desk.take(opened())
        async with desk.runtime.engine.begin() as connection:
            await connection.exec_driver_sql(
                "ALTER TABLE repayment ADD CONSTRAINT unforeseen CHECK (amount_minor <> 1300)"
            )
        answers = await send(
            client, [line(posted(f"{n}.00", "11-01", id=f"R-{n}"), f"p-{n}") for n in range(12, 15)]
        )
        assert [each["status"] for each in answers] == [201, 500, 201]
        assert (await desk.said()).count("repayment.received") == 2


async def test_too_much_in_all_ends_with_an_answer_that_says_so(make_database: Make) -> None:
    async with open_door(make_database, body_limit=2000) as (client, _):
        lines = [line(opened(loan="L-1"), "o"), *(b"x" * 500 + b"\n" for _ in range(4))]

        async def chunks() -> AsyncIterator[bytes]:
            for each in lines:
                yield each + b"\n"
                await asyncio.sleep(2 * bulk.LINGER_S)

        answer = await client.post("/v1/events", content=chunks())
        answers = [json.loads(each) for each in answer.content.splitlines()]
        assert answers[0]["status"] == 201
        assert answers[-1]["code"] == "too_large"
        told = await client.post("/v1/events", content=b"\n".join(lines))
        assert (told.status_code, told.json()["code"]) == (413, "too_large")


async def test_a_client_that_reads_nothing_before_it_has_sent_all_is_served(make_database: Make) -> None:
    """On a real socket: answers of many megabytes wait for their reader instead of blocking the sender."""
    async with open_desk(make_database) as desk:
        app = create_api(build(desk.runtime), desk.runtime, token=TOKEN)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            port = server.servers[0].sockets[0].getsockname()[1]
            count = 60_000
            status, answers = await asyncio.to_thread(_send_all_then_read, port, b"{}\n" * count)
            assert status == 200
            lines = answers.splitlines()
            assert [json.loads(lines[n])["line"] for n in (0, -1)] == [1, count]
            assert sum(b'"code":"bad_schema"' in each for each in lines) == count
        finally:
            server.should_exit = True
            await serving


async def test_a_hundred_thousand_lines_take_no_more_memory_than_some(make_database: Make) -> None:
    """In a process of its own: after the first fifth, its peak grows by a fraction of what went through."""
    count = 100_000
    async with open_desk(make_database) as desk:
        url = desk.runtime.engine.url.render_as_string(hide_password=False)
        sender = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.ledger.bulk_sender",
            url,
            str(count),
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        told, _ = await sender.communicate()
        assert sender.returncode == 0
        found = json.loads(told.splitlines()[-1])
        assert (found["answered"], found["statuses"]) == (count, {"201": 990, "200": 98_010, "422": 1_000})
        assert found["body_bytes"] > 25_000_000
        assert found["grown_bytes"] < found["body_bytes"] / 4
        assert (await desk.said()).count("repayment.received") == 989


def _send_all_then_read(port: int, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/v1/events", body, HEADERS)
    answer = connection.getresponse()
    read = answer.read()
    connection.close()
    return answer.status, read


def cut(chunks: Iterable[bytes]) -> list[Line]:
    lines = Lines()
    found = [found for chunk in chunks for found in lines.feed(chunk)]
    return [*found, *lines.end()]


def test_lines_are_the_same_however_they_are_cut() -> None:
    body = b"one\n\ntwo\r\n" + b"x" * (MAX_LINE_BYTES + 1) + b"\nthree\n" + b"y" * MAX_LINE_BYTES + b"\nlast"
    whole = cut([body])
    assert [(each.number, each.text and len(each.text)) for each in whole] == [
        (1, 3),
        (3, 4),
        (4, None),
        (5, 5),
        (6, MAX_LINE_BYTES),
        (7, 4),
    ]
    for size in (11, 4096):
        assert cut(body[n : n + size] for n in range(0, len(body), size)) == whole
    assert cut([]) == []
    assert cut([b"z" * (MAX_LINE_BYTES + 5)]) == [Line(1, None)]

"""Documents are completed with what only the notifier knows of a person, and nothing of it stays anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from io import BytesIO
from typing import Any

import docx
import httpx
import msgspec
import pytest
from pypdf import PdfReader
from sqlalchemy import text

from notifier.vault import mask_id
from spine.documents.model import Document, Field, Fields, Paragraph
from spine.events.parties import ContactPoint
from spine.http import create_api
from tests.notifier.world import World

Make = Callable[..., Awaitable[World]]
TOKEN = "t" * 40
POINTS = (
    ContactPoint(id="p1", channel="visit", address="Visit Road 9", place="home"),
    ContactPoint(id="p2", channel="letter", address="Nanjing Road 1, Block C", place="work"),
    ContactPoint(id="p3", channel="letter", address="上海市静安区南京西路100号3幢", place="home"),
)


def document(*places: str) -> dict[str, Any]:
    """A document that asks for these."""
    made = Document(
        locale="zh-CN",
        number="YQ-2026-000001",
        title="贷款逾期通知书",
        issuer="示例银行",
        dated=date(2026, 11, 24),
        blocks=(
            Fields(rows=tuple(Field(label=name, value=f"{{{{{name}}}}}") for name in places)),
            Paragraph(text="到此为止"),
        ),
    )
    found: dict[str, Any] = msgspec.to_builtins(made)
    return found


@asynccontextmanager
async def door(it: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_api(it.service, it.runtime, token=TOKEN))
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://notifier", headers=headers) as client:
        yield client


async def complete(client: httpx.AsyncClient, *places: str, **changes: Any) -> httpx.Response:
    body = {"borrower_id": "B1", "document": document(*places), "by": "anna", **changes}
    return await client.post("/v1/documents/complete", json=body)


async def test_name_id_and_address_are_filled_in(world: Make) -> None:
    it = await world()
    await it.borrower("B1", name="张三", id_number="310101199001011234", contact_points=POINTS)
    places = ("borrower.name", "borrower.id_masked", "borrower.address")
    async with door(it) as client:
        pdf = await complete(client, *places)
        word = await complete(client, *places, format="docx")
    assert (pdf.status_code, pdf.headers["cache-control"]) == (200, "no-store")
    said = "".join(page.extract_text() for page in PdfReader(BytesIO(pdf.content)).pages)
    assert "张三" in said
    assert "3101**********1234" in said
    assert "上海市静安区南京西路100号3幢" in said.replace("\n", "")
    assert "0101199001" not in said
    file = docx.Document(BytesIO(word.content))
    cells = [cell.text for table in file.tables for row in table.rows for cell in row.cells]
    assert "张三" in cells


async def test_letters_go_home_first_and_keep_their_capitals(world: Make) -> None:
    it = await world()
    await it.borrower("B1", contact_points=POINTS[:2])
    async with door(it) as client:
        answer = await complete(client, "borrower.address", format="docx")
    file = docx.Document(BytesIO(answer.content))
    assert file.tables[0].rows[0].cells[1].text == "Nanjing Road 1, Block C"


@pytest.mark.parametrize(
    ("place", "status", "code"),
    [
        ("borrower.address", 422, "value_unknown"),
        ("borrower.id_masked", 422, "value_unknown"),
        ("borrower.phone", 422, "bad_request"),
    ],
)
async def test_what_is_not_known_is_named(world: Make, place: str, status: int, code: str) -> None:
    it = await world()
    await it.borrower("B1", id_number=None)
    async with door(it) as client:
        answer = await complete(client, place)
        stranger = await complete(client, "borrower.name", borrower_id="B9")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (status, code, place)
    assert stranger.status_code == 404


async def test_a_document_that_is_none_is_refused(world: Make) -> None:
    it = await world()
    await it.borrower("B1")
    async with door(it) as client:
        answer = await complete(client, document={"title": "x"})
    assert (answer.status_code, answer.json()["field"]) == (422, "document")


async def test_nothing_of_it_is_stored(world: Make) -> None:
    it = await world()
    await it.borrower("B1", name="王小明", contact_points=POINTS)
    async with door(it) as client:
        assert (await complete(client, "borrower.name", "borrower.address")).status_code == 200
    async with it.runtime.engine.connect() as connection:
        tables = await connection.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        )
        for (table,) in tables.all():
            rows = await connection.execute(text(f'SELECT CAST(t AS text) FROM "{table}" AS t'))
            assert not any("王小明" in row[0] or "南京西路" in row[0] for row in rows.all()), table


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("310101199001011234", "3101**********1234"),
        ("X1234567", "X1****67"),
        ("123456", "******"),
        ("1234567", "12***67"),
    ],
)
def test_an_id_number_shows_its_ends_alone(number: str, shown: str) -> None:
    assert mask_id(number) == shown

"""The REST door of documents: made, listed, looked at as DOCX or PDF, and delivered."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, Literal
from uuid import uuid4

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spine.documents.docx import to_docx
from spine.documents.model import Document, Locale, placeholders
from spine.documents.pdf import to_pdf
from stager.api.asking import HouseOf, IdempotencyKey, Instant, MemberId, Reason, RuntimeOf
from stager.books import Books
from stager.domain.documents.policy import DocumentKind
from stager.handlers.documents import Wanted, ask_ledger, make_document, record_delivery
from stager.store.cases import case_by_id
from stager.store.documents import Delivery, deliveries_of, document_of_case, documents_of_case
from stager.views import documents as views

router = APIRouter()

_MEDIA: Final = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_MAKE: Final = {"pdf": to_pdf, "docx": to_docx}
#: What stands where personal data will be filled in.
_BLANK: Final = "＿＿＿＿＿＿＿＿"
_Id = Annotated[str, Field(min_length=1, max_length=200)]


def books_of(request: Request) -> Books:
    """The client of the ledger, as the composition root made it."""
    books: Books = request.app.state.books
    return books


class NewDocument(BaseModel):
    """A document to make. `plan_id` for a repayment plan; `reissue`: why one that exists is made again."""

    model_config = ConfigDict(extra="forbid")

    kind: DocumentKind
    loan_id: _Id
    by: MemberId
    locale: Locale = "zh-CN"
    plan_id: _Id | None = None
    reissue: Reason | None = None


class NewDelivery(BaseModel):
    """How a document was delivered, with a reference to what proves it."""

    model_config = ConfigDict(extra="forbid")

    delivered_at: Instant
    way: Literal["registered_letter", "courier", "in_person", "electronic"]
    proof_ref: _Id
    by: MemberId


@router.post("/v1/cases/{case_id}/documents", status_code=201)
async def post_document(
    case_id: str,
    body: NewDocument,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    books: Annotated[Books, Depends(books_of)],
    idempotency_key: IdempotencyKey = None,
) -> views.DocumentView:
    """Makes a document: 201 new, 200 the same Idempotency-Key again, 409 when the episode has it, 422 naming the
    mandatory field that is not known, 503 when the ledger gives no figures."""
    key = idempotency_key or str(uuid4())
    wanted = Wanted(case_id, body.kind, body.loan_id, body.locale, body.by, body.plan_id, body.reissue)
    async with runtime.transaction() as tx:
        await case_by_id(tx, case_id)
        today = house.today(tx.now)
    stated = await ask_ledger(books, wanted, today)
    made, new = await runtime.run(lambda tx: make_document(tx, house, wanted, stated, key=key))
    response.status_code = 201 if new else 200
    return views.document_view(made, None, placeholders(_document(made.body)))


@router.get("/v1/cases/{case_id}/documents")
async def list_documents(case_id: str, runtime: RuntimeOf) -> views.DocumentList:
    """The documents of a case, the newest first."""
    async with runtime.transaction() as tx:
        await case_by_id(tx, case_id)
        made = await documents_of_case(tx, case_id)
        delivered = await deliveries_of(tx, [each.document_id for each in made])
    return views.DocumentList(
        case_id=case_id,
        items=[views.document_item(each, delivered.get(each.document_id)) for each in made],
    )


@router.get("/v1/cases/{case_id}/documents/{document_id}")
async def get_document(case_id: str, document_id: str, runtime: RuntimeOf) -> views.DocumentView:
    """A document whole, with places for personal data."""
    async with runtime.transaction() as tx:
        made = await document_of_case(tx, case_id, document_id)
        delivered = await deliveries_of(tx, [document_id])
    return views.document_view(made, delivered.get(document_id), placeholders(_document(made.body)))


@router.get(
    "/v1/cases/{case_id}/documents/{document_id}/file",
    response_class=Response,
    responses={200: {"content": {media: {} for media in _MEDIA.values()}}},
)
async def get_file(
    case_id: str,
    document_id: str,
    runtime: RuntimeOf,
    format: Annotated[Literal["pdf", "docx"], Query()] = "pdf",
) -> Response:
    """The document as a file, with blanks where the notifier fills in personal data when it completes it."""
    async with runtime.transaction() as tx:
        made = await document_of_case(tx, case_id, document_id)
    document = _document(made.body)
    blanks = dict.fromkeys(placeholders(document), _BLANK)
    # Laying out pages takes longer than other requests may wait.
    content = await asyncio.to_thread(_MAKE[format], document, blanks)
    return Response(
        content,
        media_type=_MEDIA[format],
        headers={"Content-Disposition": f'attachment; filename="{made.number}.{format}"'},
    )


@router.post("/v1/cases/{case_id}/documents/{document_id}/delivery", status_code=201)
async def post_delivery(
    case_id: str,
    document_id: str,
    body: NewDelivery,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
) -> views.DeliveryView | None:
    """Records how a document was delivered: 201 new, 200 what was recorded before."""
    now = await runtime.clock.now()
    delivery = Delivery(document_id, body.delivered_at, body.way, body.proof_ref, body.by, now)
    kept, new = await runtime.run(
        lambda tx: record_delivery(tx, house, case_id=case_id, document_id=document_id, delivery=delivery)
    )
    response.status_code = 201 if new else 200
    return views.delivery_view(kept)


def _document(body: str) -> Document:
    return msgspec.json.decode(body, type=Document)

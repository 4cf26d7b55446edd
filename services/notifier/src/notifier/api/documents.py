"""Documents composed elsewhere are completed with personal data here, and leave as a file for their reader."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from notifier.handlers.documents import complete
from notifier.vault import Vault
from spine.database import Runtime
from spine.documents.docx import to_docx
from spine.documents.model import Document, digest_of
from spine.documents.pdf import to_pdf
from spine.errors import BadRequest
from spine.http import runtime_of

router = APIRouter()

_MEDIA: Final = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_MAKE: Final = {"pdf": to_pdf, "docx": to_docx}


class ToComplete(BaseModel):
    """A document as its maker shows it (`document`), the person it is for, and who asks for it."""

    model_config = ConfigDict(extra="forbid")

    borrower_id: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
    document: dict[str, Any]
    format: Literal["pdf", "docx"] = "pdf"
    by: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]


@router.post(
    "/v1/documents/complete",
    response_class=Response,
    responses={200: {"content": {media: {} for media in _MEDIA.values()}}},
)
async def post_complete(
    request: Request, body: ToComplete, runtime: Annotated[Runtime, Depends(runtime_of)]
) -> Response:
    """The document as a file with name, masked id number and address filled in; nothing of it is stored.

    404 for a person nobody told of, 422 naming what is not known of them or no place of a document.
    """
    vault: Vault = request.app.state.vault
    try:
        document = msgspec.convert(body.document, Document)
        # Half a surrogate pair is JSON, but no text.
        digest_of(document)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadRequest(f"document: {error}", field="document") from None
    async with runtime.transaction() as tx:
        filled = await complete(tx, vault, borrower_id=body.borrower_id, document=document, by=body.by)
    content = await asyncio.to_thread(_MAKE[body.format], document, filled.values)
    return Response(
        content,
        media_type=_MEDIA[body.format],
        headers={
            "Content-Disposition": f'attachment; filename="document.{body.format}"',
            "Cache-Control": "no-store",
        },
    )

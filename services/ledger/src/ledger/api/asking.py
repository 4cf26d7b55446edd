"""What the ledger's routes take and answer with: the house's rules, pages, loans, and ETags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query, Request, Response

from ledger.classes import Classes
from ledger.handlers.core_facts import Intake
from ledger.store import loans
from spine.database import Runtime, Tx
from spine.errors import NotFound
from spine.http import runtime_of

Limit = Annotated[int, Query(ge=1, le=500)]
RuntimeOf = Annotated[Runtime, Depends(runtime_of)]


def intake_of(request: Request) -> Intake:
    """The house's rules, as the composition root loaded them."""
    intake: Intake = request.app.state.intake
    return intake


IntakeOf = Annotated[Intake, Depends(intake_of)]


def classes_of(request: Request) -> Classes:
    """The tables of asset classification, as the composition root loaded them."""
    classes: Classes = request.app.state.classes
    return classes


ClassesOf = Annotated[Classes, Depends(classes_of)]


async def loan_row(tx: Tx, loan_id: str) -> Any:
    """The row of a loan. Raises NotFound."""
    row = None if "\x00" in loan_id else await loans.find(tx, loan_id)
    if row is None:
        raise NotFound(f"no loan {loan_id}", loan_id=loan_id)
    return row


def known_already(request: Request, etag: str) -> Response | None:
    """304 when the asker has this version."""
    asked = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    return Response(status_code=304, headers={"ETag": etag}) if etag in asked or "*" in asked else None


def tagged(body: Mapping[str, Any], etag: str) -> Response:
    """A JSON answer with its ETag."""
    return Response(msgspec.json.encode(body), media_type="application/json", headers={"ETag": etag})

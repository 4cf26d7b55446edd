"""What the REST door shows of documents: without personal data, which is filled in elsewhere."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
from typing_extensions import TypedDict

from stager.store.documents import Delivery, Made


class DeliveryView(TypedDict):
    """How a document reached its reader."""

    delivered_at: datetime
    way: str
    proof_ref: str
    recorded_by: str
    recorded_at: datetime


class DocumentItem(TypedDict):
    """A document that was made. `digest`: SHA-256 of its canonical JSON."""

    document_id: str
    number: str
    kind: str
    locale: str
    loan_id: str
    episode: int
    plan_id: str | None
    reissue: int
    reissue_reason: str | None
    as_of: date
    digest: str
    policy_digest: str
    made_by: str
    made_at: datetime
    delivery: DeliveryView | None


class DocumentView(DocumentItem):
    """A document whole: `document` has places such as {{borrower.name}} for what only the notifier knows."""

    placeholders: list[str]
    document: dict[str, Any]


class DocumentList(TypedDict):
    """The documents of a case, the newest first."""

    case_id: str
    items: list[DocumentItem]


def delivery_view(delivery: Delivery | None) -> DeliveryView | None:
    """How it was delivered, if it was."""
    if delivery is None:
        return None
    return DeliveryView(
        delivered_at=delivery.delivered_at,
        way=delivery.way,
        proof_ref=delivery.proof_ref,
        recorded_by=delivery.recorded_by,
        recorded_at=delivery.recorded_at,
    )


def document_item(made: Made, delivery: Delivery | None) -> DocumentItem:
    """A document as a list shows it."""
    return DocumentItem(
        document_id=made.document_id,
        number=made.number,
        kind=made.kind,
        locale=made.locale,
        loan_id=made.loan_id,
        episode=made.episode,
        plan_id=made.about or None,
        reissue=made.reissue,
        reissue_reason=made.reissue_reason,
        as_of=made.as_of,
        digest=made.digest,
        policy_digest=made.policy_digest,
        made_by=made.made_by,
        made_at=made.made_at,
        delivery=delivery_view(delivery),
    )


def document_view(made: Made, delivery: Delivery | None, places: tuple[str, ...]) -> DocumentView:
    """A document with all that stands in it."""
    return DocumentView(
        **document_item(made, delivery),
        placeholders=list(places),
        document=msgspec.json.decode(made.body),
    )

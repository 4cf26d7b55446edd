"""Takes back contacts that were asked for and are no longer wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from spine.database import Tx
from spine.envelope import Envelope
from spine.outbox import emit
from stager.emits import cases as emits
from stager.store.requests import OpenRequest, open_requests, withdraw_requests

#: By loan: why its open requests are taken back, and the event that says so.
Reasons = Mapping[str, tuple[str, Envelope | None]]


async def withdraw(
    tx: Tx, reasons: Reasons, *, which: Callable[[OpenRequest], bool] = lambda _: True
) -> None:
    """Withdraws the open requests of these loans; the caller has locked their borrowers."""
    if not reasons:
        return
    requests = [request for request in await open_requests(tx, list(reasons)) if which(request)]
    if not requests:
        return
    await withdraw_requests(tx, {request.request_id: reasons[request.loan_id][0] for request in requests})
    for request in requests:
        reason, cause = reasons[request.loan_id]
        fact = emits.contact_withdrawn(request.borrower_id, request.loan_id, request.request_id, reason)
        emit(tx, fact, cause=cause)

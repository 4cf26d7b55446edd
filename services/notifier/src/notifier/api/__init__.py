"""The notifier's REST door: persons and receipts, messages and their reasons, decisions, permits, templates."""

from __future__ import annotations

from fastapi import APIRouter

from notifier.api import (
    decisions,
    documents,
    messages,
    opt_outs,
    permits,
    receipts,
    template_drafts,
    templates,
)

router = APIRouter(
    routes=[
        route
        for part in (messages, decisions, permits, documents, template_drafts, templates, receipts, opt_outs)
        for route in part.router.routes
    ]
)

"""The ledger's REST door: events in; loans, arrears, money, business dates and what was put aside out."""

from __future__ import annotations

from fastapi import APIRouter

from ledger.api import days, intake, loans, watch

router = APIRouter(routes=[route for part in (intake, loans, watch, days) for route in part.router.routes])

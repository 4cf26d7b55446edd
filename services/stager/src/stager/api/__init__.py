"""The stager's REST door: cases and the reasons behind them."""

from __future__ import annotations

from fastapi import APIRouter

from stager.api import (
    actions,
    brief,
    cases,
    claims,
    clocks,
    documents,
    holds,
    plans,
    policies,
    promises,
    tasks,
    team,
    waivers,
)
from stager.api.acting import guarded

_PARTS = (
    actions,
    brief,
    cases,
    claims,
    clocks,
    documents,
    holds,
    plans,
    policies,
    promises,
    tasks,
    team,
    waivers,
)

router = APIRouter(routes=guarded(route for part in _PARTS for route in part.router.routes))

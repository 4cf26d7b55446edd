"""The stager's REST door: cases and the reasons behind them."""

from __future__ import annotations

from fastapi import APIRouter

from stager.api.acting import guarded
from stager.api import actions, cases, holds, policies, promises, tasks, team

_PARTS = (actions, cases, holds, policies, promises, tasks, team)

router = APIRouter(routes=guarded(route for part in _PARTS for route in part.router.routes))

"""The stager's REST door: cases and the reasons behind them."""

from __future__ import annotations

from fastapi import APIRouter

from stager.api import cases, holds, promises

router = APIRouter(routes=[route for part in (cases, holds, promises) for route in part.router.routes])

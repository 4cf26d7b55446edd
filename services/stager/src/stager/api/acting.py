"""Who asks: a member of an agency sees and works only the cases that are placed with it, whatever the route."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from stager.api.asking import ActingMember, RuntimeOf
from stager.store.agencies import check_sees
from stager.store.team import acting, find_member


async def only_what_is_placed(
    request: Request, runtime: RuntimeOf, acting_member: ActingMember = None
) -> None:
    """Raises NotFound for a case that is not placed with the agency of who asks or, in a write, of who acts."""
    case_id = request.path_params["case_id"]
    by = await _said_by(request)
    if acting_member is None and by is None:
        return
    async with runtime.transaction() as tx:
        await check_sees(tx, await acting(tx, acting_member), case_id)
        if by is not None:
            # Whether they are known at all is the route's own question.
            await check_sees(tx, await find_member(tx, by), case_id)


async def _said_by(request: Request) -> str | None:
    if request.method not in ("POST", "PUT"):
        return None
    try:
        body = msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError):
        # The route refuses it in its own words.
        return None
    by = body.get("by") if isinstance(body, dict) else None
    return by if isinstance(by, str) else None


def guarded(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """The routes, those about one case asking first whether it may be seen."""
    kept = list(routes)
    for route in kept:
        if isinstance(route, APIRoute) and "{case_id}" in route.path:
            route.dependencies.append(Depends(only_what_is_placed))
    return kept

"""Who asks: a member of an agency sees and works only the cases that are placed with it, whatever the route."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from spine.database import Tx
from stager.api.asking import ActingMember, RuntimeOf
from stager.domain.team import NotAllowed
from stager.store.agencies import SUBJECTS, case_of, check_sees
from stager.store.team import acting, find_member


async def of_the_house(runtime: RuntimeOf, acting_member: ActingMember = None) -> None:
    """Raises NotAllowed for a member of an agency: how the house decides is not theirs to read."""
    if acting_member is None:
        return
    async with runtime.transaction() as tx:
        who = await acting(tx, acting_member)
    if who is not None and who.is_of_agency:
        raise NotAllowed(f"member {who.member_id} is of an agency; policies are the house's")


async def only_what_is_placed(
    request: Request, runtime: RuntimeOf, acting_member: ActingMember = None
) -> None:
    """Raises NotFound for a case that is not placed with the agency of who asks or, in a write, of who acts.

    What is asked for may be the case itself, or something that belongs to one: a hold, a task, a loan ...
    """
    by = await _said_by(request)
    if acting_member is None and not by:
        return
    async with runtime.transaction() as tx:
        # Whether who acts is known at all is the route's own question.
        members = [await acting(tx, acting_member), *[await find_member(tx, each) for each in by]]
        if any(each is not None and each.is_of_agency for each in members):
            case_id = await _case_asked_for(tx, request)
            for each in members:
                await check_sees(tx, each, case_id)


async def _case_asked_for(tx: Tx, request: Request) -> str:
    named = request.path_params
    if "case_id" in named:
        return str(named["case_id"])
    what = next(each for each in SUBJECTS if each in named)
    # What belongs to no case is placed with no agency.
    return await case_of(tx, what, str(named[what])) or ""


async def _said_by(request: Request) -> list[str]:
    if request.method not in ("POST", "PUT"):
        return []
    try:
        body = msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError):
        # The route refuses it in its own words.
        return []
    by = body.get("by") if isinstance(body, dict) else None
    several = by if isinstance(by, list) else [by]
    return [each for each in several if isinstance(each, str)]


def guarded(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """The routes, those about one case or something of one asking first whether it may be seen."""
    kept = list(routes)
    for route in kept:
        if isinstance(route, APIRoute) and any(
            f"{{{each}}}" in route.path for each in ("case_id", *SUBJECTS)
        ):
            route.dependencies.append(Depends(only_what_is_placed))
    return kept

"""Who gets which task: the owner of the case, else who is fit, knows place and language, and has room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stager.domain.tasks import TaskState
from stager.domain.team import Member, Role
from stager.domain.work_policy import WorkPolicy


@dataclass(frozen=True, slots=True)
class Worker:
    """A member who may be given work, with how much they have; `away` ones get none."""

    member: Member
    load: int
    away: bool = False


@dataclass(frozen=True, slots=True)
class Assigned:
    """A task and who gets it (None: nobody is fit). `owns`: the case becomes theirs."""

    state: TaskState
    member_id: str | None
    owns: bool = False
    why: str = "nobody_fits"


def assign(
    tasks: Sequence[TaskState], workers: Sequence[Worker], owners: Mapping[str, str], policy: WorkPolicy
) -> list[Assigned]:
    """Gives out tasks in their order. `owners`: by case. Each task given counts for the load of the next."""
    loads = {worker.member.member_id: worker.load for worker in workers}
    by_id = {worker.member.member_id: worker for worker in workers}
    owned = dict(owners)
    given = []
    for state in tasks:
        is_owned = policy.kind(state.task.kind).owned
        owner = by_id.get(owned.get(state.task.case_id, "")) if is_owned else None
        if owner is not None and not owner.away and _may_do(owner.member, state):
            # One person's case has one owner: their own tasks go to them whatever else they have to do.
            given.append(Assigned(state, owner.member.member_id, why="owner"))
            loads[owner.member.member_id] += 1
            continue
        fit = [w.member for w in workers if not w.away and _fits(w.member, state, policy)]
        free = [m for m in fit if loads[m.member_id] < m.capacity]
        if not free:
            given.append(Assigned(state, None, why="no_room" if fit else "nobody_fits"))
            continue
        chosen = min(
            free, key=lambda m: (_strangeness(m, state, policy), loads[m.member_id] / m.capacity, m.member_id)
        )
        loads[chosen.member_id] += 1
        owns = is_owned and state.task.case_id not in owned
        if owns:
            owned[state.task.case_id] = chosen.member_id
        given.append(Assigned(state, chosen.member_id, owns, "fit"))
    return given


def _may_do(member: Member, state: TaskState) -> bool:
    """Skills and agencies are never a matter of preference."""
    task = state.task
    if task.skill is not None and task.skill not in member.skills:
        return False
    if state.agency_id is not None:
        return member.agency_id == state.agency_id
    return not member.is_of_agency


def _fits(member: Member, state: TaskState, policy: WorkPolicy) -> bool:
    works = not member.roles.isdisjoint({Role.COLLECTOR, Role.AGENCY})
    # What takes a skill is done by whoever has it, whatever their role.
    works = works or state.task.skill is not None
    rule = policy.assignment
    return (
        works
        and _may_do(member, state)
        and (rule.region != "required" or _knows_region(member, state))
        and (rule.language != "required" or _speaks(member, state))
    )


def _knows_region(member: Member, state: TaskState) -> bool:
    region = state.task.region
    return region is None or not member.regions or any(region.startswith(known) for known in member.regions)


def _speaks(member: Member, state: TaskState) -> bool:
    locale = state.locale
    return locale is None or not member.locales or locale in member.locales


def _strangeness(member: Member, state: TaskState, policy: WorkPolicy) -> int:
    """How little place and language match, where that counts: a member who named them comes first."""
    rule, region, locale = policy.assignment, state.task.region, state.locale
    near = region is not None and any(region.startswith(known) for known in member.regions)
    speaks = locale is not None and locale in member.locales
    far = 0 if near or rule.region == "ignored" else 1 if _knows_region(member, state) else 2
    foreign = 0 if speaks or rule.language == "ignored" else 1 if _speaks(member, state) else 2
    return far + foreign

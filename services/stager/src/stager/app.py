"""Composition root of the stager: the only module that knows all the others."""

from __future__ import annotations

from spine.database import Runtime
from spine.events.stager import STAGER, StagerTick
from spine.service import Service
from spine.settings import Surroundings
from stager import api
from stager.books import Books
from stager.consumes import consumes
from stager.emits import EMITS
from stager.gate import Gate
from stager.handlers.policies import refusals, renewing
from stager.policy import House
from stager.schedule import due, schedules
from stager.settings import StagerSettings


def build(runtime: Runtime) -> Service:
    """The stager, ready to be served or to work."""
    settings = StagerSettings.from_environment()
    surroundings = Surroundings.from_environment()
    house = House.load(runtime.zone, surroundings.policy_dir)
    gate = Gate(settings.notifier_url, surroundings.token)
    books = Books(settings.ledger_url, surroundings.token)
    return Service(
        name="stager",
        topic=STAGER,
        emits=EMITS,
        consumes=tuple(renewing(consume, house) for consume in consumes(house)),
        router=api.router,
        migrations="stager",
        due=due,
        schedules=schedules(runtime, house, settings.step_batch),
        ready=refusals(house),
        tick=StagerTick,
        state={"house": house, "gate": gate, "books": books},
        closing=(gate.aclose, books.aclose),
    )

"""Composition root of the ledger: the only module that knows all the others."""

from __future__ import annotations

from functools import partial

from ledger import api, bulk
from ledger.classes import Classes
from ledger.consumes import consumes
from ledger.emits import EMITS
from ledger.handlers.core_facts import Intake
from ledger.policy import House
from ledger.schedule import behind, due, schedules, warnings
from ledger.settings import LedgerSettings
from spine.database import Runtime
from spine.events.ledger import LEDGER, LedgerTick
from spine.service import Service
from spine.settings import Surroundings


def build(runtime: Runtime) -> Service:
    """The ledger, ready to be served or to work."""
    settings = LedgerSettings.from_environment()
    policy_dir = Surroundings.from_environment().policy_dir
    house = House.load(runtime.zone, policy_dir=policy_dir, first_business_date=settings.first_business_date)
    intake = Intake(house)
    return Service(
        name="ledger",
        topic=LEDGER,
        emits=EMITS,
        consumes=consumes(intake),
        router=api.router,
        migrations="ledger",
        due=partial(due, house=house),
        schedules=schedules(runtime, intake),
        tick=LedgerTick,
        ready=partial(behind, house=house),
        warnings=partial(warnings, house=house),
        state={
            "intake": intake,
            "classes": Classes.load(policy_dir),
            "body_limits": {"/v1/events": bulk.MAX_BODY_BYTES},
        },
    )

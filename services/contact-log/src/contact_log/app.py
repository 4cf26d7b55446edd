"""Puts the contact log together: the only module that knows all of it."""

from __future__ import annotations

from contact_log.api import router
from contact_log.consumes import CONSUMES
from contact_log.emits import EMITS
from contact_log.settings import ContactLogSettings
from spine.database import Runtime, Tx
from spine.events.contact_log import CONTACT_LOG, ContactLogTick
from spine.service import Due, Service


def build(runtime: Runtime) -> Service:
    """The contact log, as data. It does nothing by itself: no schedule, no timer."""
    ContactLogSettings.from_environment()
    return Service(
        name=runtime.service,
        topic=CONTACT_LOG,
        emits=EMITS,
        consumes=CONSUMES,
        router=router,
        migrations="contact_log",
        due=_nothing_due,
        tick=ContactLogTick,
    )


async def _nothing_due(tx: Tx) -> Due:
    return Due(open=0, next_at=None)

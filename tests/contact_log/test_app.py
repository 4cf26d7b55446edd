"""The declaration of the contact log, and its settings."""

from __future__ import annotations

import pytest

from contact_log.app import build
from contact_log.settings import ContactLogSettings
from spine.errors import TactError
from spine.service import Due
from tests.contact_log.building import MakeDatabase, contact_log


async def test_the_contact_log_never_has_anything_due(make_database: MakeDatabase) -> None:
    async with contact_log(make_database) as (runtime, _), runtime.transaction() as tx:
        assert await build(runtime).due(tx) == Due(open=0, next_at=None)


def test_an_unknown_setting_is_an_error() -> None:
    assert ContactLogSettings.from_environment({"TACT_CONTACT_LOG_DATABASE_URL": "postgresql:///x"})
    with pytest.raises(TactError, match="TACT_CONTACT_LOG_COLOUR"):
        ContactLogSettings.from_environment({"TACT_CONTACT_LOG_COLOUR": "red"})

"""The stager's settings: unknown and malformed ones stop the start."""

from __future__ import annotations

import pytest

from spine.settings import BadSettings
from stager.settings import StagerSettings


def test_settings_have_defaults_and_can_be_given() -> None:
    assert StagerSettings.from_environment({}).step_batch == 500
    assert StagerSettings.from_environment({"TACT_STAGER_STEP_BATCH": "50"}).step_batch == 50


@pytest.mark.parametrize(
    "environ",
    [{"TACT_STAGER_STEP_BATCHES": "5"}, {"TACT_STAGER_STEP_BATCH": "0"}, {"TACT_STAGER_STEP_BATCH": "many"}],
)
def test_wrong_settings_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match="TACT_STAGER_STEP_BATCH"):
        StagerSettings.from_environment(environ)

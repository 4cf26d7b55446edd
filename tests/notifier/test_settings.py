"""Settings are read strictly: a misspelt or impossible one is an error at the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier.settings import NotifierSettings
from spine.settings import BadSettings


def test_the_defaults_are_those_of_the_class() -> None:
    assert NotifierSettings.from_environment({}) == NotifierSettings()


def test_settings_are_read_from_the_environment() -> None:
    settings = NotifierSettings.from_environment(
        {
            "TACT_NOTIFIER_GATEWAY_URL": "http://127.0.0.1:1",
            "TACT_NOTIFIER_GATEWAY_IDEMPOTENT": "no",
            "TACT_NOTIFIER_PACKS": "cn, cn-house",
            "TACT_NOTIFIER_SETTLE_S": "0.5",
            "TACT_NOTIFIER_BATCH": "7",
        }
    )
    assert settings.gateway_url == "http://127.0.0.1:1"
    assert not settings.gateway_idempotent
    assert settings.packs == ("cn", "cn-house")
    assert (settings.settle_s, settings.batch) == (0.5, 7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SETTLE", "1"),
        ("SETTLE_S", "soon"),
        ("SETTLE_S", "-1"),
        ("SETTLE_S", "nan"),
        ("BATCH", "0"),
        ("BATCH", "1.5"),
        ("LANES", "many"),
        ("LEASE_S", "10"),
        ("GATEWAY_IDEMPOTENT", "perhaps"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=f"TACT_NOTIFIER_{name}"):
        NotifierSettings.from_environment({f"TACT_NOTIFIER_{name}": value})


def test_a_gateway_needs_a_secret(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="GATEWAY_SECRET_FILE"):
        NotifierSettings(gateway_url="http://127.0.0.1:1").secrets()
    file = tmp_path / "secret"
    with pytest.raises(BadSettings, match="cannot be read"):
        NotifierSettings(gateway_secret_file=file).secrets()
    file.write_text("plain")
    with pytest.raises(BadSettings, match="whsec_"):
        NotifierSettings(gateway_secret_file=file).secrets()
    file.write_text("whsec_bmV3\nwhsec_b2xk\n")
    assert NotifierSettings(gateway_secret_file=file).secrets() == ("whsec_bmV3", "whsec_b2xk")

"""The environment is read strictly, and a command finds the system that runs in its TACT_HOME."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spine.settings import BadSettings, Surroundings, environment_file, own_settings


def running(home: Path, **environment: str) -> None:
    file = environment_file(home)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(environment))


def test_a_service_and_its_surroundings_join_the_system_that_runs_here(tmp_path: Path) -> None:
    running(tmp_path, TACT_LEDGER_DATABASE_URL="postgresql://here/tact_ledger", TACT_NOTIFIER_KEK_FILE="told")
    env = {"TACT_HOME": str(tmp_path)}
    assert Surroundings.from_environment(env).database_url("ledger") == "postgresql://here/tact_ledger"
    assert own_settings("notifier", {"KEK_FILE": ""}, env) == {"KEK_FILE": "told"}


def test_the_environment_wins_over_what_runs_here(tmp_path: Path) -> None:
    running(tmp_path, TACT_NOTIFIER_KEK_FILE="told")
    env = {"TACT_HOME": str(tmp_path), "TACT_NOTIFIER_KEK_FILE": "given"}
    assert own_settings("notifier", {"KEK_FILE": ""}, env) == {"KEK_FILE": "given"}


def test_a_misspelt_setting_is_an_error_that_names_the_right_ones() -> None:
    with pytest.raises(BadSettings, match=r"TACT_LEDGER_FRIST.*TACT_LEDGER_FIRST"):
        own_settings("ledger", {"FIRST": ""}, {"TACT_LEDGER_FRIST": "1"})


def test_each_service_has_a_database_of_its_own_on_the_given_server() -> None:
    urls = Surroundings.from_environment(
        {
            "TACT_DATABASE_URL": "postgresql://u:p@db/postgres",
            "TACT_STAGER_DATABASE_URL": "postgresql://s@x/y",
        }
    ).database_urls
    assert urls["contact-log"] == "postgresql://u:p@db/tact_contact_log"
    assert urls["stager"] == "postgresql://s@x/y"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TACT_TIMEZONE", "Mars/Olympus"),
        ("TACT_CLOCK", "fast"),
        ("TACT_PARTITIONS", "0"),
        ("TACT_PARTITIONS", "six"),
    ],
)
def test_malformed_values_name_their_variable(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=name):
        Surroundings.from_environment({name: value})

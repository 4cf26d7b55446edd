"""`make migration` writes a migration that follows the newest one and must be filled in."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from dev.new_migration import SERVICES, main, new_migration
from spine.settings import PORTS


@pytest.mark.parametrize("service", sorted(PORTS))
def test_follows_the_newest_one(service: str, tmp_path: Path) -> None:
    inside = Path(service, "src", service.replace("-", "_"), "migrations")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SERVICES / inside, tmp_path / inside, ignore=ignored)
    before = heads(tmp_path / inside)
    made = new_migration(service, "Add a column to things.", tmp_path)
    assert re.fullmatch(r"\d{8}_\d{4}_add_a_column_to_things\.py", made.name)
    assert made.read_text().startswith('"""Add a column to things')
    after = ScriptDirectory.from_config(configured(tmp_path / inside)).get_revision("head")
    assert after is not None
    assert (after.down_revision,) == before
    assert int(after.revision) == int(before[0]) + 1


def configured(folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return config


def heads(folder: Path) -> tuple[str, ...]:
    return tuple(ScriptDirectory.from_config(configured(folder)).get_heads())


@pytest.mark.parametrize("arguments", [(), ("ledger",), ("ledger", " "), ("console", "text")])
def test_wrong_usage_is_told(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "usage: make migration" in capsys.readouterr().err

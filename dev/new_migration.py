"""`make migration s=SERVICE m="text"`: an empty migration of a service, after its newest one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from spine.settings import PORTS

SERVICES = Path(__file__).parents[1] / "services"


def new_migration(service: str, text: str, services: Path = SERVICES) -> Path:
    """Writes versions/YYYYMMDD_NNNN_text.py from the service's script.py.mako; returns its path."""
    folder = services / service / "src" / service.replace("-", "_") / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(rev)s_%%(slug)s")
    directory = ScriptDirectory.from_config(config)
    head = directory.get_current_head()
    revision = f"{int(head or 0) + 1:04d}"
    message = text.strip().rstrip(".")
    made = directory.generate_revision(
        revision, message, head=head or "base", upgrades="", downgrades="", imports=""
    )
    assert made is not None
    return Path(made.path)


def main(arguments: Sequence[str]) -> int:
    """0 written, 2 wrong usage."""
    service, text = (*arguments, "", "")[:2]
    if service not in PORTS or not text.strip():
        print(f'usage: make migration s=SERVICE m="text"; services: {", ".join(PORTS)}', file=sys.stderr)
        return 2
    print(new_migration(service, text))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

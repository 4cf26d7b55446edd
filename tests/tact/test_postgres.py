"""The embedded PostgreSQL keeps its data over stops and crashes, and says why when it cannot start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import psutil
import pytest

from tact.postgres import (
    EmbeddedPostgres,
    PostgresFailed,
    PostgresInUse,
    PostgresOtherVersion,
    PostgresServer,
)
from tact.postgres_account import Account
from tact.postgres_binaries import NoPostgres, find_binaries
from tests.databases import FAST_SETTINGS, open_directory

MakePostgres = Callable[..., EmbeddedPostgres]


@pytest.fixture
def home() -> Iterator[Path]:
    with open_directory("tact-home-") as directory:
        yield directory


@pytest.fixture
def make_postgres() -> Iterator[MakePostgres]:
    with ExitStack() as made:

        def make(home: Path, **options: object) -> EmbeddedPostgres:
            chosen: dict[str, object] = {"settings": FAST_SETTINGS, "die_with_parent": True, **options}
            postgres = EmbeddedPostgres(home, **chosen)  # type: ignore[arg-type]
            made.callback(postgres.remove)
            return postgres

        yield make


async def _write(server: PostgresServer) -> None:
    connection = await asyncpg.connect(server.url("postgres"))
    await connection.execute("CREATE TABLE loan (id int); INSERT INTO loan VALUES (1), (2)")
    await connection.close()


async def _read(server: PostgresServer) -> int:
    connection = await asyncpg.connect(server.url("postgres"))
    count: int = await connection.fetchval("SELECT count(*) FROM loan")
    await connection.close()
    return count


def _started_by_an_owner_that_is_killed(home: Path, *, die_with_parent: bool) -> tuple[psutil.Process, str]:
    code = (
        "import pathlib, sys, time; from tact.postgres import EmbeddedPostgres; "
        f"server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), die_with_parent={die_with_parent}).start(); "
        "print(server.pid, server.url('postgres'), flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pid, url = owner.stdout.readline().split()
        owner.kill()
    return psutil.Process(int(pid)), url


def _ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_keeps_data_and_port_over_a_stop(home: Path, make_postgres: MakePostgres) -> None:
    postgres = make_postgres(home)
    first = postgres.start()
    await _write(first)
    assert postgres.start() == first, "a second start returns the running server"
    postgres.stop()
    assert not postgres.running
    assert not psutil.pid_exists(first.pid)
    second = postgres.start()
    assert (second.port, second.data_dir) == (first.port, first.data_dir)
    assert await _read(second) == 2


async def test_socket_and_loopback_lead_to_the_same_server(home: Path, make_postgres: MakePostgres) -> None:
    server = make_postgres(home).start()
    await _write(server)
    over_tcp = await asyncpg.connect(host="127.0.0.1", port=server.port, user="postgres", database="postgres")
    assert await over_tcp.fetchval("SELECT count(*) FROM loan") == 2
    encoding = await over_tcp.fetchrow(
        "SELECT current_setting('server_encoding'), current_setting('TimeZone')"
    )
    assert encoding is not None
    assert tuple(encoding) == ("UTF8", "UTC")
    await over_tcp.close()


async def test_recovers_after_its_first_process_was_killed(home: Path, make_postgres: MakePostgres) -> None:
    postgres = make_postgres(home, settings={"fsync": "on"})
    first = postgres.start()
    await _write(first)
    busy = await asyncpg.connect(first.url("postgres"))
    postgres.kill()
    second = postgres.start()
    assert second.pid != first.pid
    assert await _read(second) == 2
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await busy.fetchval("SELECT 1")


async def test_ends_a_server_that_outlived_its_owner(home: Path, make_postgres: MakePostgres) -> None:
    orphan, url = _started_by_an_owner_that_is_killed(home, die_with_parent=False)
    assert not _ended(orphan)
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE loan (id int); INSERT INTO loan VALUES (1), (2)")
    successor = make_postgres(home).start()
    assert _ended(orphan)
    assert await _read(successor) == 2
    connection.terminate()


async def test_a_reused_process_number_is_no_hindrance(home: Path, make_postgres: MakePostgres) -> None:
    postgres = make_postgres(home)
    server = postgres.start()
    await _write(server)
    lock_file = (server.data_dir / "postmaster.pid").read_text()
    postgres.kill()
    # Now somebody else's, and of the same user, whom PostgreSQL would take for the old server.
    stranger = psutil.Popen(["sleep", "60"], **Account.for_postgres().arguments())
    try:
        stale = lock_file.replace(str(server.pid), str(stranger.pid), 1)
        (server.data_dir / "postmaster.pid").write_text(stale)
        assert await _read(postgres.start()) == 2
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_dies_with_a_parent_that_is_killed(home: Path, make_postgres: MakePostgres) -> None:
    server, _ = _started_by_an_owner_that_is_killed(home, die_with_parent=True)
    for _ in range(1200):
        if _ended(server):
            break
        time.sleep(0.05)
    assert _ended(server)
    make_postgres(home).start()


def test_one_owner_at_a_time(home: Path, make_postgres: MakePostgres) -> None:
    make_postgres(home).start()
    with pytest.raises(PostgresInUse):
        EmbeddedPostgres(home).start()


def test_reaches_no_home_of_another_user_yet_keeps_its_data(
    tmp_path: Path, make_postgres: MakePostgres
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    long_home = private / ("long-name-" * 9)
    postgres = make_postgres(long_home)
    server = postgres.start()
    assert len(os.fsencode(server.socket_dir / f".s.PGSQL.{server.port}")) < 107
    postgres.stop()
    assert postgres.start().data_dir == server.data_dir
    assert (long_home / "postgres" / "data" / "PG_VERSION").exists()
    postgres.remove()
    assert not server.data_dir.exists()


def test_copies_programs_that_the_account_cannot_reach(home: Path, tmp_path: Path) -> None:
    account = Account.for_postgres()
    if not account.switched:
        pytest.skip("only root runs PostgreSQL as another user")
    package = find_binaries(account, home).folder.parent.parent
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (private / package.name).symlink_to(package)
    # A link into a closed directory: the folder is not to be entered by this name.
    found = find_binaries(account, home, private / package.name / "pginstall" / "bin")
    assert home in found.folder.parents
    assert find_binaries(account, home, private / package.name / "pginstall" / "bin") == found


def test_names_what_to_do_about_another_major_version(home: Path, make_postgres: MakePostgres) -> None:
    postgres = make_postgres(home)
    server = postgres.start()
    postgres.stop()
    version = server.data_dir / "PG_VERSION"
    version.write_text("9\n")
    with pytest.raises(PostgresOtherVersion, match="TACT_POSTGRES_BINARIES"):
        postgres.start()


def test_shows_the_log_when_the_server_does_not_start(home: Path, make_postgres: MakePostgres) -> None:
    postgres = make_postgres(home, settings={**FAST_SETTINGS, "shared_buffers": "nonsense"})
    with pytest.raises(PostgresFailed, match='invalid value for parameter "shared_buffers"'):
        postgres.start()
    assert not postgres.running


def test_given_programs_are_never_replaced_by_others(home: Path, tmp_path: Path) -> None:
    with pytest.raises(NoPostgres, match="has no postgres and no initdb"):
        find_binaries(Account.for_postgres(), home, tmp_path)

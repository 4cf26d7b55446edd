"""The embedded PostgreSQL of the one-machine mode: starts the server, stops it, recovers it after a crash."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Literal
from urllib.parse import quote, urlencode

import asyncpg

from spine.errors import TactError
from tact.child_process import ending_with_parent, last_lines, run_apart
from tact.ports import free_port
from tact.postgres_account import Account
from tact.postgres_binaries import PostgresBinaries, find_binaries
from tact.postgres_data import PostgresFailed, PostgresOtherVersion, environment, initialise
from tact.postgres_places import Places, end_left_overs, find_places

__all__ = [
    "DEFAULT_SETTINGS",
    "EmbeddedPostgres",
    "PostgresFailed",
    "PostgresInUse",
    "PostgresOtherVersion",
    "PostgresServer",
]

#: For a small machine that shares its memory with the services.
DEFAULT_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "max_connections": "200",
        "shared_buffers": "256MB",
        "effective_cache_size": "1GB",
        "work_mem": "8MB",
        "maintenance_work_mem": "128MB",
        "wal_buffers": "16MB",
        "min_wal_size": "256MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "10min",
        "fsync": "on",
        "synchronous_commit": "on",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
        # A refused row's values and the statement that held them are people's data: not for a log.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
    }
)
_STOP_TIMEOUT_S = 60.0
_LOG_LIMIT_BYTES = 10_000_000
_PORT_TRIES = 5


class PostgresInUse(TactError):
    """Another Tact process runs the PostgreSQL of this TACT_HOME; stop that one or choose another home."""

    code = "postgres_in_use"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server; it also listens on 127.0.0.1."""

    pid: int
    socket_dir: Path
    port: int
    data_dir: Path

    def url(self, database: str, user: str = "postgres") -> str:
        """The address of a database, through the socket."""
        where = urlencode({"host": str(self.socket_dir), "port": self.port}, safe="/")
        return f"postgresql://{quote(user)}@/{quote(database)}?{where}"


class EmbeddedPostgres:
    """One PostgreSQL server with its data under `home`, owned by the process that starts it.

    `settings` win over DEFAULT_SETTINGS. With `die_with_parent` the server shuts down (fast) when the
    thread that called `start` ends, also when it is killed; see `ending_with_parent`.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int | None = None,
        binaries: Path | None = None,
        settings: Mapping[str, str] | None = None,
        die_with_parent: bool = False,
        start_timeout_s: float = 180.0,
    ) -> None:
        self._home = home
        self._given_port = port
        self._port = port
        self._given_binaries = binaries
        self._settings = {**DEFAULT_SETTINGS, **(settings or {})}
        self._die_with_parent = die_with_parent
        self._start_timeout_s = start_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._server: PostgresServer | None = None
        self._owner_lock: IO[str] | None = None

    def __enter__(self) -> PostgresServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the server's first process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> PostgresServer:
        """Starts the server, on the data of last time if there are any, and returns once a connection works.

        After a stop or a crash it comes back on the same port unless somebody took it. Returns the running
        server when there is one. Raises NoPostgres, PostgresInUse, PostgresOtherVersion, PostgresFailed.
        """
        if self.running and self._server:
            return self._server
        account = Account.for_postgres()
        places = find_places(self._home, account)
        self._take_ownership(places)
        try:
            binaries = find_binaries(account, places.reachable, self._given_binaries)
            initialise(places.data, binaries, account, sync=self._settings["fsync"] != "off")
            end_left_overs(places.data)
            _forget_crashed_server(places)
            _rotate(places.log)
            self._server = self._launch_on_free_port(binaries, account, places)
        except BaseException:
            self.stop(mode="immediate")
            raise
        return self._server

    def stop(self, *, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stops the server: `fast` writes a checkpoint, `immediate` leaves recovery to the next start."""
        process, self._process, self._server = self._process, None, None
        if process is not None:
            wanted = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode]
            for attempt in (wanted, signal.SIGQUIT, signal.SIGKILL):
                if process.poll() is None:
                    process.send_signal(attempt)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_STOP_TIMEOUT_S)
                    break
        self._release_ownership()

    def kill(self) -> None:
        """Kills the server's first process as a crash would (SIGKILL); `start` recovers."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def remove(self) -> None:
        """Stops the server and deletes its data, for databases that nobody needs again."""
        self.stop(mode="immediate")
        places = find_places(self._home, Account.for_postgres())
        end_left_overs(places.data)
        places.remove()

    def _take_ownership(self, places: Places) -> None:
        if self._owner_lock is not None:
            return
        lock = places.lock.open("w")
        try:
            # The kernel drops the lock with the process: what runs without it is left over from a crash.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise PostgresInUse(home=str(self._home)) from None
        self._owner_lock = lock

    def _release_ownership(self) -> None:
        if self._owner_lock is not None:
            self._owner_lock.close()
            self._owner_lock = None

    def _launch_on_free_port(
        self, binaries: PostgresBinaries, account: Account, places: Places
    ) -> PostgresServer:
        for attempt in range(1, _PORT_TRIES + 1):
            self._port = self._port or free_port()
            logged_before = places.log.stat().st_size if places.log.exists() else 0
            try:
                return self._launch(self._port, binaries, account, places)
            except PostgresFailed:
                taken = b"could not bind" in places.log.read_bytes()[logged_before:]
                if self._given_port or not taken or attempt == _PORT_TRIES:
                    raise
                self._port = None
        raise AssertionError("unreachable")

    def _launch(
        self, port: int, binaries: PostgresBinaries, account: Account, places: Places
    ) -> PostgresServer:
        settings = {
            **self._settings,
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(places.socket),
            "unix_socket_permissions": "0700",
        }
        command = [binaries.program("postgres"), "-D", str(places.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        if self._die_with_parent:
            command = ending_with_parent(command, "INT")
        with places.log.open("ab") as log:
            logged_before = log.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment(),
                # Ctrl-C in the terminal is for the owner, which stops the services before the database.
                start_new_session=True,
                **account.arguments(),
            )
        server = PostgresServer(self._process.pid, places.socket, port, places.data)
        self._await_connection(server, places.log, logged_before)
        return server

    def _await_connection(self, server: PostgresServer, log: Path, logged_before: int) -> None:
        deadline = time.monotonic() + self._start_timeout_s
        refusal = "no answer yet"
        while time.monotonic() < deadline:
            if not self.running:
                raise PostgresFailed(
                    f"PostgreSQL ended during its start; its log ({log}) says:\n"
                    f"{last_lines(log, logged_before)}"
                )
            if (server.socket_dir / f".s.PGSQL.{server.port}").exists():
                answer = run_apart(_refusal(server))
                if answer is None:
                    return
                refusal = answer
            time.sleep(0.05)
        raise PostgresFailed(
            f"PostgreSQL took no connection within {self._start_timeout_s:.0f} s ({refusal}); "
            f"its log ({log}) says:\n{last_lines(log, logged_before)}"
        )


async def _refusal(server: PostgresServer) -> str | None:
    """None when a session can be opened and answers, else why not."""
    try:
        connection = await asyncpg.connect(server.url("postgres"), ssl=False, timeout=10)
        try:
            await connection.fetchval("SELECT 1", timeout=10)
        finally:
            await connection.close(timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
        return f"{type(problem).__name__}: {problem}"
    return None


def _forget_crashed_server(places: Places) -> None:
    """Removes the marks of a server that is gone: their process number may by now be somebody else's."""
    (places.data / "postmaster.pid").unlink(missing_ok=True)
    for stale in places.socket.glob(".s.PGSQL.*"):
        stale.unlink(missing_ok=True)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))

"""Where a process finds its surroundings: the shared environment, read once, strictly."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from spine.errors import TactError
from spine.topics import DEFAULT_PARTITIONS

#: Service name -> default REST port (contract).
PORTS = {"ledger": 8101, "stager": 8102, "notifier": 8103, "contact-log": 8104}

_SHARED = frozenset(
    {
        "TACT_HOME",
        "TACT_DATABASE_URL",
        "TACT_LOG_DATABASE_URL",
        "TACT_KAFKA_BOOTSTRAP",
        "TACT_KAFKA_SECURITY_PROTOCOL",
        "TACT_KAFKA_SECURITY_SASL_MECHANISM",
        "TACT_KAFKA_SECURITY_SASL_USERNAME",
        "TACT_KAFKA_SECURITY_SASL_PASSWORD",
        "TACT_KAFKA_SECURITY_CAFILE",
        "TACT_TIMEZONE",
        "TACT_POLICY_DIR",
        "TACT_DATASETS",
        "TACT_CLOCK",
        "TACT_PARTITIONS",
        "TACT_REQUIRE_KAFKA",
        "TACT_POSTGRES_BINARIES",
        "TACT_KAFKA_LIBS",
        "TACT_LOG_LEVEL",
    }
)


class BadSettings(TactError):
    """The environment does not say what a process needs to start."""

    code = "bad_settings"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The shared environment (contract 5). `database_urls` has one database a service, and the log's."""

    home: Path
    database_urls: Mapping[str, str]
    kafka_bootstrap: str | None
    kafka_security: Mapping[str, str]
    zone: ZoneInfo
    partitions: int
    stepped_clock: bool
    policy_dir: Path | None
    log_level: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Surroundings:
        """Reads TACT_*. Raises BadSettings for what is malformed."""
        env = _with_running(os.environ if environ is None else environ)
        home = Path(env.get("TACT_HOME", ".tact")).absolute()
        try:
            zone = ZoneInfo(env.get("TACT_TIMEZONE", "Asia/Shanghai"))
        except (ZoneInfoNotFoundError, ValueError):
            raise BadSettings(f"TACT_TIMEZONE: no such zone: {env['TACT_TIMEZONE']!r}") from None
        clock = env.get("TACT_CLOCK", "system")
        if clock not in ("system", "stepped"):
            raise BadSettings(f"TACT_CLOCK: system or stepped, not {clock!r}")
        partitions = env.get("TACT_PARTITIONS", str(DEFAULT_PARTITIONS))
        if not partitions.isdecimal() or not 1 <= int(partitions) <= 1000:
            raise BadSettings(f"TACT_PARTITIONS: 1 to 1000, not {partitions!r}")
        return cls(
            home=home,
            database_urls=_database_urls(env),
            kafka_bootstrap=env.get("TACT_KAFKA_BOOTSTRAP") or None,
            kafka_security={
                name.removeprefix("TACT_KAFKA_SECURITY_").lower(): value
                for name, value in env.items()
                if name.startswith("TACT_KAFKA_SECURITY_")
            },
            zone=zone,
            partitions=int(partitions),
            stepped_clock=clock == "stepped",
            policy_dir=Path(env["TACT_POLICY_DIR"]) if env.get("TACT_POLICY_DIR") else None,
            log_level=env.get("TACT_LOG_LEVEL", "INFO").upper(),
        )

    def database_url(self, name: str) -> str:
        """The URL of a service's database (or "log", the embedded broker's); raises BadSettings."""
        try:
            return self.database_urls[name]
        except KeyError:
            raise BadSettings(
                "no database: set TACT_DATABASE_URL, or run `tact up`, which starts an embedded PostgreSQL"
            ) from None

    def token(self) -> str:
        """The bearer token of the one-machine mode, from `$TACT_HOME/token`."""
        path = self.home / "token"
        try:
            token = path.read_text(encoding="ascii").strip()
        except OSError:
            raise BadSettings(f"no bearer token in {path}; `tact up` and `tact migrate` write one") from None
        if len(token) < 32:
            raise BadSettings(f"the bearer token in {path} is too short")
        return token


def environment_file(home: Path) -> Path:
    """Where a running one-machine system tells other commands its surroundings."""
    return home / "run" / "environment.json"


def _with_running(env: Mapping[str, str]) -> dict[str, str]:
    """The environment, and below it what `tact up` wrote about the system that runs here, when one does."""
    home = Path(env.get("TACT_HOME", ".tact")).absolute()
    try:
        told: dict[str, str] = json.loads(environment_file(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = {}
    return {**told, **env}


def _database_urls(env: Mapping[str, str]) -> dict[str, str]:
    """TACT_<SERVICE>_DATABASE_URL wins over the database `tact_<service>` on TACT_DATABASE_URL's cluster."""
    cluster = env.get("TACT_DATABASE_URL")
    urls = {}
    for name in (*PORTS, "log"):
        snake = name.replace("-", "_")
        own = env.get(f"TACT_{snake.upper()}_DATABASE_URL")
        if own:
            urls[name] = own
        elif cluster:
            # Only here, so that a command without a database starts in no time.
            from sqlalchemy.engine import make_url

            url = make_url(cluster).set(database=f"tact_{snake}")
            urls[name] = url.render_as_string(hide_password=False)
    return urls


def own_settings(
    service: str, known: Mapping[str, str], environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """A service's own settings: `known` maps names to defaults; values from TACT_<SERVICE>_<NAME>.

    Raises BadSettings for a variable that no one knows: a misspelt setting must not be ignored.
    """
    env = _with_running(os.environ if environ is None else environ)
    prefix = f"TACT_{service.upper().replace('-', '_')}_"
    everyone = {*known, "DATABASE_URL"}
    for name in env:
        if (
            name.startswith(prefix)
            and name not in _SHARED
            and name.removeprefix(prefix).lower() not in {k.lower() for k in everyone}
        ):
            names = ", ".join(sorted(f"{prefix}{k.upper()}" for k in everyone))
            raise BadSettings(f"unknown setting {name}; {service} knows {names}")
    return {name: env.get(f"{prefix}{name.upper()}", default) for name, default in known.items()}


def write_private(path: Path, content: bytes) -> None:
    """Writes a secret so that only its owner can read it, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, stat.S_IRUSR | stat.S_IWUSR)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)

"""The whole system on this machine: PostgreSQL, databases, four services as processes, the gateway simulator."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from spine.errors import TactError
from spine.settings import PORTS, Surroundings
from tact import databases
from tact.home import Home
from tact.ports import free_port, is_free
from tact.postgres import EmbeddedPostgres
from tact.services import NAMES
from tact.supervisor import Child, Supervisor

READY_TIMEOUT_S: Final = 90.0


class NotReady(TactError):
    """The services did not become ready in time; their logs and `tact doctor` say why."""

    code = "not_ready"


@dataclass(frozen=True, slots=True)
class Options:
    """How to run the system.

    `own_database`: a new embedded PostgreSQL under `demo/`, whatever database and broker are configured;
    `kafka_bootstrap` then says whether Kafka or the embedded log carries the events.
    """

    stepped: bool = False
    own_database: bool = False
    simulator: bool = True
    record: str = "gateway.ndjson"
    settings: Mapping[str, str] | None = None
    kafka_bootstrap: str | None = None
    postgres_settings: Mapping[str, str] | None = None


class OneMachine:
    """Starts and stops it all. `environment` is what other processes need to join in."""

    def __init__(self, home: Home, options: Options) -> None:
        self._home = home
        self._options = options
        self.postgres: EmbeddedPostgres | None = None
        self.supervisor: Supervisor | None = None
        self.environment: dict[str, str] = {}
        self.ports: dict[str, int] = {}

    async def start_infrastructure(self) -> None:
        """PostgreSQL (embedded unless given), databases at their newest schema, secrets, environment file."""
        self._home.prepare()
        self._home.forget_environment()
        given = Surroundings.from_environment()
        if os.environ.get("TACT_DATABASE_URL") and not self._options.own_database:
            urls = dict(given.database_urls)
            await databases.create_all(
                urls, databases.admin_url_of(os.environ["TACT_DATABASE_URL"]), roles=False
            )
        else:
            own = self._options.own_database
            self.postgres = EmbeddedPostgres(
                self._home.demo if own else self._home.path,
                settings=self._options.postgres_settings,
                die_with_parent=True,
            )
            if own:
                self.postgres.remove()
            # Not in another thread: the server ends with the thread that starts it.
            server = self.postgres.start()
            urls = databases.embedded_urls(server)
            await databases.create_all(urls, server.url("postgres"), roles=True)
        await databases.migrate_all(urls)
        self._choose_ports()
        self.environment = self._environment(urls)
        self._home.write_environment(self.environment)

    def _choose_ports(self) -> None:
        for name, default in {**PORTS, "gateway": 8190}.items():
            self.ports[name] = default if is_free(default) else free_port()

    def _environment(self, urls: Mapping[str, str]) -> dict[str, str]:
        environment = {
            "TACT_HOME": str(self._home.path),
            **databases.url_variables(urls),
            "TACT_CLOCK": "stepped" if self._options.stepped else "system",
            **self._broker_settings(),
            "TACT_NOTIFIER_KEK_FILE": str(self._home.key_file),
            "TACT_NOTIFIER_GATEWAY_SECRET_FILE": str(self._home.gateway_secret),
            # Stepped time would stop at every second of a morning in which somebody is written to.
            **({"TACT_NOTIFIER_OPENING_SPREAD_S": "0"} if self._options.stepped else {}),
            "TACT_STAGER_NOTIFIER_URL": f"http://127.0.0.1:{self.ports['notifier']}",
            "TACT_STAGER_LEDGER_URL": f"http://127.0.0.1:{self.ports['ledger']}",
            **(self._options.settings or {}),
        }
        if self._options.simulator:
            environment["TACT_NOTIFIER_GATEWAY_URL"] = f"http://127.0.0.1:{self.ports['gateway']}"
        return environment

    def _broker_settings(self) -> dict[str, str]:
        if not self._options.own_database:
            return {name: value for name, value in os.environ.items() if name.startswith("TACT_KAFKA_")}
        given = self._options.kafka_bootstrap
        return {"TACT_KAFKA_BOOTSTRAP": given} if given else {}

    async def start_services(self) -> None:
        """Starts every process; they become ready over the next seconds."""
        self.supervisor = Supervisor(self._home.logs, self.environment, self._write_state)
        for name in NAMES:
            arguments = ("-m", "tact", "serve", name, "--port", str(self.ports[name]))
            await self.supervisor.start(Child(f"{name}-api", arguments))
            await self.supervisor.start(Child(f"{name}-worker", ("-m", "tact", "work", name)))
        if self._options.simulator:
            await self.supervisor.start(Child("gateway", self._simulator_arguments()))

    def _simulator_arguments(self) -> tuple[str, ...]:
        clock = ("--clock-url", self.environment["TACT_LOG_DATABASE_URL"]) if self._options.stepped else ()
        receipts = f"http://127.0.0.1:{self.ports['notifier']}/v1/gateways/reference/receipts"
        return (
            *("-m", "tact.simulator", "--port", str(self.ports["gateway"])),
            *("--record", str(self._home.demo / self._options.record)),
            *("--receipts", receipts, "--secret-file", str(self._home.gateway_secret), *clock),
        )

    async def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Returns when every service says it is ready; raises NotReady with each one's reasons."""
        reasons: dict[str, str] = {}
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            for _ in range(int(timeout_s / 0.25)):
                reasons = {n: r for n in NAMES if (r := await self._unready(client, n)) is not None}
                if not reasons:
                    return
                await asyncio.sleep(0.25)
        lines = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise NotReady(f"not ready after {timeout_s:.0f} s: {lines}; logs are in {self._home.logs}")

    async def _unready(self, client: httpx.AsyncClient, name: str) -> str | None:
        try:
            answer = await client.get(f"http://127.0.0.1:{self.ports[name]}/readyz")
        except httpx.HTTPError as error:
            return f"does not answer ({type(error).__name__})"
        return None if answer.status_code == 200 else "; ".join(answer.json()["reasons"])

    async def stop(self) -> None:
        """Stops services, then PostgreSQL."""
        if self.supervisor is not None:
            await self.supervisor.stop()
        if self.postgres is not None:
            self.postgres.stop()
        self._home.forget_environment()

    def _write_state(self) -> None:
        assert self.supervisor is not None
        state = {
            "supervisor": os.getpid(),
            "ports": self.ports,
            "children": {
                child.name: {
                    "pid": child.pid,
                    "restarts": child.restarts,
                    "given_up": child.given_up,
                    "log": str(self._home.logs / f"{child.name}.log"),
                }
                for child in self.supervisor.children.values()
            },
        }
        part = self._home.state_file.with_suffix(".part")
        part.write_text(json.dumps(state, indent=1), encoding="utf-8")
        part.replace(self._home.state_file)

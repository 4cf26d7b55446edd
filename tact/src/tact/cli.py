"""The command line: one-machine mode, service processes, migrations, import, dead letters, tracing, doctor."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from spine.errors import TactError
from spine.logs import set_up_logs
from spine.settings import Surroundings
from tact import contact_commands, ledger_commands, policy_commands
from tact.home import Home
from tact.services import NAMES, build_of

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Tact collects overdue loans with tact.")
app.add_typer(ledger_commands.app, name="ledger")
app.add_typer(contact_commands.app, name="contact")
app.add_typer(policy_commands.app, name="policy")
console = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)


@app.callback()
def quiet(context: typer.Context) -> None:
    """Tact collects overdue loans with tact."""
    if context.invoked_subcommand not in ("serve", "work"):
        # People read what a command prints; only warnings may come in between, on standard error.
        set_up_logs("tact", "WARNING")


ServiceName = Annotated[str, typer.Argument(help=f"one of {', '.join(NAMES)}", metavar="SERVICE")]

_START_TIMEOUT_S = 240.0


def fail(message: str, status: int = 1) -> typer.Exit:
    """Says what went wrong on standard error; raise what it returns."""
    errors.print(f"[red]tact:[/red] {message}", highlight=False)
    return typer.Exit(status)


def _known(service: str) -> str:
    if service not in NAMES:
        raise fail(f"no service {service!r}; there are {', '.join(NAMES)}", 2)
    return service


@app.command()
def serve(
    service: ServiceName,
    port: Annotated[int | None, typer.Option(help="default: the service's own")] = None,
    host: Annotated[str, typer.Option()] = "127.0.0.1",
) -> None:
    """Run a service's REST API."""
    from spine.process import serve_service

    try:
        serve_service(_known(service), build_of(service), host=host, port=port)
    except TactError as error:
        raise fail(error.detail, 3) from None


@app.command()
def work(service: ServiceName) -> None:
    """Run a service's consumers, relay and timers."""
    from spine.process import work_service

    try:
        raise typer.Exit(work_service(_known(service), build_of(service)))
    except TactError as error:
        raise fail(error.detail, 3) from None


@app.command()
def migrate(service: Annotated[str | None, typer.Argument(metavar="[SERVICE]")] = None) -> None:
    """Create missing databases and bring them to the newest schema."""
    from tact import databases

    async def run() -> None:
        home = Home.from_environment()
        home.prepare()
        urls = dict(Surroundings.from_environment().database_urls)
        if given := os.environ.get("TACT_DATABASE_URL"):
            await databases.create_all(urls, databases.admin_url_of(given), roles=False)
        elif not urls:
            raise TactError("no database: set TACT_DATABASE_URL, or run `tact up`")
        for name, before, after in await databases.migrate_all(urls, service):
            console.print(
                f"{name}: {before or 'empty'} -> {after}" if before != after else f"{name}: {after}"
            )

    try:
        asyncio.run(run())
    except (TactError, OSError) as error:
        raise fail(str(error)) from None


@app.command()
def up(foreground: Annotated[bool, typer.Option(help="stay attached; Ctrl-C stops it")] = False) -> None:
    """Start everything on this machine: PostgreSQL (embedded unless given) and the four services."""
    home = Home.from_environment()
    if _running_pid(home) is not None:
        raise fail("already up; `tact status` shows it, `tact down` ends it")
    if foreground:
        try:
            asyncio.run(_run_system(home))
        except TactError as error:
            raise fail(error.detail) from None
        return
    home.prepare()
    with (home.logs / "system.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "tact", "up", "--foreground"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_TIMEOUT_S
    with console.status("starting PostgreSQL and the services ..."):
        while not (home.path / "run" / "ready").exists():
            if child.poll() is not None or time.monotonic() > deadline:
                raise fail(f"the system did not come up; {home.logs / 'system.log'} says why")
            time.sleep(0.2)
    _print_status(home)


async def _run_system(home: Home) -> None:
    from tact.system import OneMachine, Options

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ready = home.path / "run" / "ready"
    ready.unlink(missing_ok=True)
    # A gateway of one's own wins over the simulator.
    machine = OneMachine(home, Options(simulator=not os.environ.get("TACT_NOTIFIER_GATEWAY_URL")))
    try:
        await machine.start_infrastructure()
        await machine.start_services()
        await machine.wait_ready()
        ready.touch()
        console.print("ready")
        await stop.wait()
    finally:
        ready.unlink(missing_ok=True)
        await machine.stop()


def _running_pid(home: Home) -> int | None:
    try:
        pid: int = json.loads(home.state_file.read_text(encoding="utf-8"))["supervisor"]
        os.kill(pid, 0)
    except (OSError, ValueError, KeyError):
        return None
    return pid


@app.command()
def down() -> None:
    """Stop what `tact up` started."""
    home = Home.from_environment()
    pid = _running_pid(home)
    if pid is None:
        console.print("nothing runs here")
        return
    os.kill(pid, signal.SIGTERM)
    with console.status("stopping ..."):
        for _ in range(600):
            if _running_pid(home) is None:
                break
            time.sleep(0.1)
        else:
            raise fail(f"process {pid} does not end; its log is {home.logs / 'system.log'}")
    console.print("stopped")


@app.command()
def status() -> None:
    """Show what runs and how far each service has read."""
    _print_status(Home.from_environment())


def _print_status(home: Home) -> None:
    from tact.doctor import status_tables

    if _running_pid(home) is None and not os.environ.get("TACT_DATABASE_URL"):
        console.print("nothing runs here; `tact up` starts it")
        raise typer.Exit(1)
    for table in asyncio.run(status_tables(home)):
        console.print(table)


@app.command()
def doctor(
    republish: Annotated[
        str | None, typer.Option(help="TOPIC/PARTITION@POSITION: the owner's relay sends again from there")
    ] = None,
    accept_epoch: Annotated[
        str | None, typer.Option(help="SERVICE:TOPIC: go on with a topic's new run of positions")
    ] = None,
    new_epoch: Annotated[
        str | None, typer.Option(help="SERVICE: after a restore, begin a new run of its positions")
    ] = None,
) -> None:
    """Say what is wrong and what to do; exit status 1 when something is."""
    from tact import doctor as examination

    try:
        if republish:
            console.print(asyncio.run(examination.republish(republish)))
            return
        if new_epoch:
            console.print(asyncio.run(examination.new_epoch(_known(new_epoch))))
            return
        if accept_epoch:
            console.print(asyncio.run(examination.accept_epoch(accept_epoch)))
            return
        findings = asyncio.run(examination.examine(Home.from_environment()))
    except TactError as error:
        raise fail(error.detail, 2) from None
    for finding in findings:
        console.print(f"[red]✗[/red] {finding.what}\n  → {finding.mend}", highlight=False)
    if findings:
        raise typer.Exit(1)
    console.print("[green]✓[/green] all well")


@app.command(name="import")
def import_(file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Publish core-banking events from an NDJSON file, each on its topic."""
    from tact.importing import import_file

    try:
        outcome = asyncio.run(import_file(file))
    except TactError as error:
        raise fail(error.detail, 2) from None
    for bad in outcome.bad:
        errors.print_json(json.dumps(bad, ensure_ascii=False), indent=None)
    console.print(f"{outcome.published} events published, {len(outcome.bad)} bad lines")
    raise typer.Exit(1 if outcome.bad else 0)


dlq = typer.Typer(no_args_is_help=True, help="Dead letters: records that could not be processed.")
app.add_typer(dlq, name="dlq")


@dlq.command(name="list")
def dlq_list() -> None:
    """Show open dead letters of all services."""
    from tact.doctor import dead_letter_table

    console.print(asyncio.run(dead_letter_table()))


@dlq.command(name="replay")
def dlq_replay(service: ServiceName, letter: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Hand a dead letter to its service once more; it is resolved when that works."""
    from tact.doctor import replay_letter

    try:
        asyncio.run(replay_letter(_known(service), letter))
    except TactError as error:
        raise fail(f"{error.code}: {error.detail}") from None
    console.print("replayed and resolved")


@dlq.command(name="resolve")
def dlq_resolve(
    service: ServiceName,
    letter: Annotated[str, typer.Argument(metavar="ID")],
    reason: Annotated[str, typer.Option(help="what was done about it")],
) -> None:
    """Release what a dead letter holds without processing it."""
    from tact.doctor import resolve_letter

    try:
        asyncio.run(resolve_letter(_known(service), letter, reason))
    except TactError as error:
        raise fail(f"{error.code}: {error.detail}") from None
    console.print("resolved")


@app.command()
def trace(loan_id: Annotated[str, typer.Argument(metavar="LOAN_ID")]) -> None:
    """Show one loan's path through all services, in time."""
    from tact.doctor import trace_table

    console.print(asyncio.run(trace_table(loan_id)))


@app.command()
def demo(
    portfolio: Annotated[Path | None, typer.Option(help="NDJSON of events, or a supported data set")] = None,
    exit: Annotated[bool, typer.Option("--exit", help="stop everything at the end")] = False,
    loans: Annotated[int, typer.Option(min=1, max=100_000)] = 2_000,
    days: Annotated[int, typer.Option(min=2, max=1_000)] = 105,
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Play a portfolio through the whole system on this machine and print what happened."""
    from tact import demo as playing

    home = Home.from_environment()
    if _running_pid(home) is not None:
        raise fail("a system is up in this TACT_HOME; `tact down` ends it")
    try:
        story = _story(portfolio, loans, days, seed)
        asyncio.run(playing.run_demo(story, home, console, stay=not exit))
    except TactError as error:
        raise fail(error.detail, 2 if error.code == "bad_portfolio" else 1) from None
    except KeyboardInterrupt:
        console.print("stopped")


def _story(portfolio: Path | None, loans: int, days: int, seed: int) -> Any:
    from tact.stories import generated_story, portfolio_story

    if portfolio is not None:
        return portfolio_story(portfolio, loans=loans, zone=ZoneInfo("Asia/Shanghai"))
    return generated_story(
        loans=loans, start_on=date(2026, 7, 1), days=days, seed=seed, zone=ZoneInfo("Asia/Shanghai")
    )


def main() -> None:
    """The entry point: what a command cannot do is one line, not a traceback."""
    try:
        app()
    except TactError as error:
        sys.exit(fail(error.detail).exit_code)


if __name__ == "__main__":
    main()

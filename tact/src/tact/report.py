"""What a demo did, in figures a person likes to read: folded from the topics and the gateway's own record."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.table import Table

from spine.broker.port import Broker
from spine.envelope import Envelope
from spine.events.ledger import LEDGER
from spine.events.notifier import NOTIFIER
from spine.events.stager import STAGER
from tact.home import Home
from tact.topic_reader import read_topic

_STAGES: Final = ("S1", "S2", "S3", "S4")
_BAR: Final = 40
#: In words, where it was no rule that decided.
_WITHOUT_RULE: Final = {
    "expired": "wanted only until then",
    "suppressed": "no longer wanted",
    "deferred": "not taken by the gateway",
    "rejected": "refused by the gateway",
}


@dataclass(slots=True)
class Report:
    """Counts of one run. Stages are those after the last event of each loan."""

    zone: ZoneInfo
    days: int
    played_s: float
    jumps: int
    loans: int = 0
    money: int = 0
    stage_of: dict[str, str] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: Of each kind of work for people: how many tasks were opened, and how many ended in which way.
    tasks: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_hour: Counter[int] = field(default_factory=Counter)
    by_channel: Counter[str] = field(default_factory=Counter)
    accepted_at_gateway: int = 0

    @classmethod
    async def gather(
        cls,
        broker: Broker,
        partitions: int,
        *,
        gateway_record: Path,
        zone: ZoneInfo,
        played_s: float,
        days: int,
        jumps: int,
    ) -> Report:
        """Reads every topic of the log once, and the gateway's record."""
        report = cls(zone=zone, days=days, played_s=played_s, jumps=jumps)
        told: list[tuple[datetime, int, str, bytes]] = []
        for rank, topic in enumerate((LEDGER, STAGER, NOTIFIER)):
            async for record in read_topic(broker, topic, partitions):
                envelope = Envelope.from_headers(record.headers)
                if record.value is not None and envelope.time is not None:
                    told.append((envelope.time, rank, envelope.type, record.value))
        # In business time, at one instant the ledger first: what the stager enters follows from it.
        for _, _, type_, value in sorted(told, key=lambda entry: entry[:2]):
            report._count(type_, value)
        report._read_gateway(gateway_record)
        return report

    def _count(self, type_: str, value: bytes) -> None:
        if type_.endswith(".tick.v1"):
            return
        data = msgspec.json.decode(value)
        match type_:
            case "loan.registered.v1":
                self.loans += 1
            case "repayment.received.v1":
                self.money += 1
            case "stage.entered.v1":
                self.moves[data.get("from", "none"), data["to"]] += 1
                self.stage_of[data["loan_id"]] = data["to"]
            case "loan.cured.v1" | "loan.settled.v1":
                self._leave(data["loan_id"], settled=type_ == "loan.settled.v1")
            case "task.opened.v1":
                self.tasks[data["kind"], "opened"] += 1
            case "task.closed.v1":
                self.tasks[data["kind"], data["end"]] += 1
            case _ if type_.startswith("message."):
                self._count_message(type_, data)

    def _leave(self, loan_id: str, *, settled: bool) -> None:
        if settled:
            self.settled.add(loan_id)
        if stage := self.stage_of.pop(loan_id, None):
            self.moves[stage, "cured"] += 1

    def _count_message(self, type_: str, data: dict[str, Any]) -> None:
        outcome = type_.split(".")[1]
        self.outcomes[outcome] += 1
        if outcome in ("suppressed", "deferred", "expired", "rejected"):
            rules = data.get("rules") or [{"id": data.get("code") or _WITHOUT_RULE[outcome]}]
            self.reasons[outcome, rules[0]["id"]] += 1

    def _read_gateway(self, record: Path) -> None:
        if not record.exists():
            return
        with record.open(encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                if entry["outcome"] == "accepted":
                    self.accepted_at_gateway += 1
                    at = datetime.fromisoformat(entry["received_at"]).astimezone(self.zone)
                    self.by_hour[at.hour] += 1
                    self.by_channel[entry["channel"]] += 1

    def print(self, console: Console, home: Home, ports: dict[str, int]) -> None:
        """The summary, for a terminal."""
        console.print(
            f"\n[bold]{self.days} days played in {self.played_s:.0f} s[/bold]: {self.loans:,} loans,"
            f" {self.money:,} repayments, {self.accepted_at_gateway:,} messages handed over"
            f" ({self.jumps:,} steps of the clock)\n"
        )
        console.print(self._stage_table())
        console.print(self._roll_table())
        console.print(self._outcome_table())
        console.print(self._hour_table())
        if self.tasks:
            console.print(self._task_table())
        console.print("Where to look:")
        for name, port in ports.items():
            if name != "gateway":
                console.print(f"  {name:<12} http://127.0.0.1:{port}/v1/…  (token in {home.path / 'token'})")
        console.print(f"  gateway's own record  {home.demo / 'gateway.ndjson'}")
        console.print(f"  what was published    {home.demo / 'corebanking.ndjson'}")

    def _stage_table(self) -> Table:
        table = Table("stage", "loans", title="Loans by stage at the end")
        counts = Counter(self.stage_of.values())
        table.add_row("not in arrears", f"{self.loans - len(self.stage_of) - len(self.settled):,}")
        for stage in _STAGES:
            table.add_row(stage, f"{counts[stage]:,}")
        table.add_row("settled", f"{len(self.settled - self.stage_of.keys()):,}")
        return table

    def _roll_table(self) -> Table:
        columns = ("stage", "entered", "cured", "stepped back", "rolled on", "still there")
        table = Table(*columns, title="Roll rates between stages")
        for number, stage in enumerate(_STAGES):
            entered = sum(n for (_, to), n in self.moves.items() if to == stage)
            cured = self.moves[stage, "cured"]
            worse = _STAGES[number + 1 :]
            rolled = sum(self.moves[stage, to] for to in worse)
            back = sum(self.moves[stage, to] for to in _STAGES[:number])
            ways = (cured, back, rolled, entered - cured - back - rolled)
            shares = [f"{n:,} ({n / entered:.0%})" if entered else "-" for n in ways]
            table.add_row(stage, f"{entered:,}", *shares)
        return table

    def _outcome_table(self) -> Table:
        table = Table("outcome", "reason", "messages", title="Messages by outcome and reason")
        for outcome, count in self.outcomes.most_common():
            table.add_row(outcome, "", f"{count:,}")
            for (of, reason), n in self.reasons.most_common():
                if of == outcome:
                    table.add_row("", reason, f"{n:,}")
        return table

    def _hour_table(self) -> Table:
        table = Table("hour", "messages", "", title=f"Contacts by hour ({self.zone.key})")
        top = max(self.by_hour.values(), default=1)
        for hour in range(24):
            count = self.by_hour[hour]
            table.add_row(f"{hour:02d}:00", f"{count:,}" if count else "", "█" * round(_BAR * count / top))
        return table

    def _task_table(self) -> Table:
        columns = ("work for people", "opened", "done", "not needed any more", "too late", "open")
        table = Table(*columns, title="Work for people, offered in the stager's worklist")
        opened = {kind: n for (kind, what), n in self.tasks.items() if what == "opened"}
        for kind, count in sorted(opened.items(), key=lambda item: -item[1]):
            ends = [self.tasks[kind, end] for end in ("done", "cancelled", "expired")]
            told = [f"{n:,}" if n else "" for n in (count, *ends, count - sum(ends))]
            table.add_row(kind.replace("_", " "), *told)
        return table

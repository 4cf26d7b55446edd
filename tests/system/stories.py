"""Stories of borrowers by the public doors: core banking's events, REST acts of people, one stepped clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeAlias

from rich.console import Console
from rich.progress import Progress

from tact.demo import Player, Story
from tact.portfolio.published import Publisher
from tests.system.invariants import accepted
from tests.system.portfolio import ZONE, at
from tests.system.world import Noting, World

DAY = timedelta(days=1)
#: A Monday; within three months of it lie the National Day holidays.
FIRST_DAY = date(2026, 8, 31)
TEAM: dict[str, dict[str, Any]] = {
    "lea": {"roles": ["lead"], "skills": ["legal"]},
    "anna": {"roles": ["collector"], "regions": ["CN-SH"], "skills": ["visit"]},
    "bert": {"roles": ["collector"], "regions": ["CN-SH"], "skills": ["visit"]},
    "cora": {"roles": ["compliance"]},
}
PUBLISHER = Publisher("urn:test:core", "story")


@dataclass(frozen=True)
class Stretch(Story):
    """A part of a story from one instant to another; what is due at the end belongs to the next part."""

    begins: datetime
    ends: datetime

    @property
    def starts_at(self) -> datetime:
        return self.begins

    @property
    def ends_at(self) -> datetime:
        return self.ends


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as the gateway took it."""

    at: datetime
    channel: str
    template: str
    body: str

    @property
    def when(self) -> str:
        """Date and hour where the borrower is."""
        return f"{self.at:%m-%d %H:%M}"


Narrator: TypeAlias = "Callable[[Tale], Awaitable[None]]"


async def _run(tell: Narrator, tale: Tale) -> None:
    await tale.go.wait()
    await tell(tale)


class Conductor:
    """Tells several stories at once on one clock: up to the next instant any of them waits for."""

    def __init__(self, w: World) -> None:
        self.world = w
        self.now = at(FIRST_DAY, time(0))

    async def tell(self, stories: Mapping[str, Narrator]) -> dict[str, BaseException | None]:
        """Tells each to its end; the failure of one does not end the others."""
        told = {name: Tale(self, name) for name in stories}
        running = {name: asyncio.create_task(_run(tell, told[name])) for name, tell in stories.items()}
        for name, tale in told.items():
            await self._turn(tale, running[name])
        while waiting := {name for name, task in running.items() if not task.done()}:
            goal = min(told[name].waits_for for name in waiting)
            await self._play_until(goal)
            for name in sorted(waiting):
                if told[name].waits_for == goal:
                    await self._turn(told[name], running[name])
        return {name: task.exception() for name, task in running.items()}

    async def rest(self) -> None:
        """Waits until all that was said or done now has had its effect."""
        await self._play(self.now, self.now)

    async def _turn(self, tale: Tale, running: asyncio.Task[None]) -> None:
        tale.parked.clear()
        tale.go.set()
        parked = asyncio.create_task(tale.parked.wait())
        await asyncio.wait({running, parked}, return_when=asyncio.FIRST_COMPLETED)
        parked.cancel()

    async def _play_until(self, goal: datetime) -> None:
        await self._play(self.now, goal)
        await self.world.step(goal)
        self.now = goal
        await self.rest()

    async def _play(self, begins: datetime, ends: datetime) -> None:
        stretch = Stretch(iter(()), ZONE, FIRST_DAY, 1, begins, ends)
        player = Player(stretch, self.world.stage, Noting(self.world))  # type: ignore[arg-type]
        with Progress(console=Console(quiet=True)) as progress:
            await player.play(progress)


class Tale:
    """A borrower with one loan in a running system. Times are local ones of the lender."""

    def __init__(self, conductor: Conductor, name: str) -> None:
        self.world = conductor.world
        self.name = name
        self.borrower = f"{name}-B"
        self.loan = f"{name}-L"
        self.go = asyncio.Event()
        self.parked = asyncio.Event()
        self.waits_for = conductor.now
        self.spoken: list[str] = []
        self._conductor = conductor
        self._money = 0

    # The clock

    @property
    def now(self) -> datetime:
        """The business clock."""
        return self._conductor.now

    async def until(self, day: date, hour: int = 0, minute: int = 0) -> None:
        """Lets time pass to a local time, what is due then included."""
        goal = at(day, time(hour, minute))
        assert goal >= self.now, (goal, self.now)
        self.waits_for = goal
        self.go.clear()
        self.parked.set()
        await self.go.wait()

    async def rest(self) -> None:
        """Waits until all that was said or done now has had its effect."""
        await self._conductor.rest()

    # Core banking

    async def borrow(self, due_on: date, number: int) -> None:
        """The borrower and the loan become known; its first instalment is due on a day."""
        await self.tell("borrower.updated.v1", "borrower", party(self.name, number))
        await self.tell("loan.opened.v1", "opened", loan(due_on))

    async def tell(self, type_: str, id_: str, data: dict[str, Any]) -> None:
        """Publishes a fact of core banking, and waits for what comes of it."""
        body = {"borrower_id": self.borrower, "loan_id": self.loan, **data}
        if type_ == "borrower.updated.v1":
            del body["loan_id"]
        await Noting(self.world).publish([PUBLISHER.publish(self.now, type_, f"{self.name}-{id_}", body)])
        await self.rest()

    async def pay(self, amount: str, *, valued: date | None = None, repayment_id: str | None = None) -> None:
        """Money is posted now, value-dated today or earlier."""
        self._money += 1
        known = repayment_id or f"{self.name}-R{self._money}"
        value_date = valued or self.now.astimezone(ZONE).date()
        data = {
            "repayment_id": known,
            "amount": amount,
            "currency": "CNY",
            "value_date": value_date.isoformat(),
            "posted_at": self.now.isoformat(),
        }
        await self.tell("repayment.posted.v1", f"{known}-posted", data)

    # People

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        body: object = None,
        *,
        status: int = 200,
        member: str = "",
        key: str = "",
    ) -> Any:
        """The answer of a service to a request, which must have this status."""
        async with self.world.client(service) as client:
            named = {"X-Tact-Member": member, "Idempotency-Key": key}
            headers = {name: value for name, value in named.items() if value}
            answer = await client.request(method, path, json=body, headers=headers)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        return answer.json()

    async def ask(self, path: str, *, status: int = 200, member: str = "") -> Any:
        """What the stager says."""
        return await self.call("stager", "GET", path, status=status, member=member)

    async def act(self, path: str, *, status: int = 200, **body: Any) -> Any:
        """Something a person does at the stager; what follows of it has happened when this returns."""
        done = await self.call("stager", "POST", path, body, status=status)
        await self.rest()
        return done

    async def case_id(self) -> str:
        """The newest case of the borrower."""
        return str((await self.said("stage.entered.v1"))[-1]["case_id"])

    async def case(self) -> Any:
        """The case as REST shows it."""
        return await self.ask(f"/v1/cases/{await self.case_id()}")

    async def tasks(self, kind: str | None = None) -> list[Any]:
        """The open tasks, by kind if one is named."""
        page = await self.ask("/v1/tasks?limit=500" + (f"&kind={kind}" if kind else ""))
        return [item for item in page["items"] if item["borrower_id"] == self.borrower]

    async def claim(self, kind: str) -> tuple[str, str]:
        """The only open task of a kind is taken in hand by whom it was given to; its id, and who that is."""
        [task] = await self.tasks(kind)
        await self.act(f"/v1/tasks/{task['task_id']}/claim", by=task["assignee"])
        return str(task["task_id"]), str(task["assignee"])

    async def phone(self, outcome: str, **said: Any) -> Any:
        """A call of the worklist as it is made: claimed, permitted by the gate, recorded, reported."""
        task_id, by = await self.claim("call")
        stage = (await self.case())["stage"]
        asked = {
            "borrower_id": self.borrower,
            "loan_id": self.loan,
            "channel": "call",
            "purpose": "collection",
            "stage": stage,
            "by": by,
            "task_id": task_id,
        }
        permit = await self.call("notifier", "POST", "/v1/permits", asked, status=201)
        if outcome == "conversation":
            said = {"verified": True, "recording_ref": f"rec-{task_id}", **said}
        done = await self.act(
            f"/v1/tasks/{task_id}/complete",
            by=[by],
            outcome=outcome,
            at=self.now.isoformat(),
            permit_id=permit["permit_id"],
            **said,
        )
        assert done["status"] == "done" and not done["completion"].get("flags"), done
        self.spoken.append(task_id)
        return done

    # What was seen

    async def said(self, like: str, service: str = "stager") -> list[dict[str, Any]]:
        """Events of a service about this borrower whose types fit a pattern, in order, each with its `type`."""
        told = await self.world.told(service, like)
        return [{"type": kind, **d} for kind, d in told if d.get("borrower_id") == self.borrower]

    async def sent(self) -> list[Sent]:
        """Every message the gateway took, in order, with the template it was asked in."""
        asked = {d["request_id"]: d for d in await self.said("contact.requested.v1")}
        facts = await self.said("message.%", "notifier")
        messages = {d["client_ref"]: d for d in facts if d.get("client_ref")}
        found: list[Sent] = []
        for entry in accepted(self.world):
            if message := messages.get(entry["client_ref"]):
                local = datetime.fromisoformat(entry["received_at"]).astimezone(ZONE)
                request = asked.get(message["request_id"], {})
                found.append(Sent(local, entry["channel"], request.get("template", ""), entry["body"]))
        return sorted(found, key=lambda each: each.at)

    async def heard(self, since: date | None = None, before: date | None = None) -> list[tuple[str, str]]:
        """When and in which template something was sent, from one day until before another."""
        return [
            (each.when, each.template)
            for each in await self.sent()
            if (since is None or each.at.date() >= since) and (before is None or each.at.date() < before)
        ]

    async def stages(self) -> list[tuple[str, str, bool]]:
        """Every entry: the business date, the stage, whether it was new to the episode."""
        return [(d["as_of"], d["to"], d["first_time"]) for d in await self.said("stage.entered.v1")]

    async def closed_tasks(self) -> list[tuple[str, str, str]]:
        """Of each task that ended: kind, how, and the outcome or reason."""
        opened = {d["task_id"]: d["kind"] for d in await self.said("task.opened.v1")}
        ended = await self.said("task.closed.v1")
        return [(opened[d["task_id"]], d["end"], d.get("outcome") or d.get("reason", "")) for d in ended]

    async def kinds(self, like: str) -> list[str]:
        """The types of the stager's events about this borrower that fit a pattern, in order."""
        return [d["type"].removesuffix(".v1") for d in await self.said(like)]

    async def holds(self) -> list[str]:
        """Kinds of the holds in force on the borrower."""
        case = await self.case()
        return sorted(hold["kind"] for hold in case["holds"] if hold.get("lifted_at") is None)

    # The end

    async def check(self) -> None:
        """Every decision agrees, every call and visit reported through a task is in the log."""
        for case_id in {d["case_id"] for d in await self.said("stage.entered.v1")}:
            await self._agrees(case_id)
        await self._is_logged()

    async def _agrees(self, case_id: str) -> None:
        """Every decision of a case comes out the same when it is made again."""
        cursor, seen = "", 0
        while True:
            page = await self.ask(f"/v1/cases/{case_id}/why?limit=100{cursor}")
            disagreeing = [item for item in _verdicts(page) if item["agrees"] is not True]
            assert not disagreeing, disagreeing
            seen += len(list(_verdicts(page)))
            following = page.get("next_cursor")
            if not following:
                break
            cursor = f"&cursor={following}"
        assert seen, case_id

    async def _is_logged(self) -> None:
        path = f"/v1/borrowers/{self.borrower}/timeline?limit=500"
        timeline = await self.call("contact-log", "GET", path)
        logged = [item["contact_id"] for item in timeline["items"] if item["channel"] in ("call", "visit")]
        made = [d for d in await self.said("task.closed.v1") if d.get("channel") in ("call", "visit")]
        assert {d["task_id"] for d in made} == set(self.spoken)
        assert all(logged.count(d["contact_id"]) == 1 for d in made), (made, logged)


def _verdicts(node: Any) -> list[Any]:
    """Everything in an answer that says whether it agrees."""
    if isinstance(node, dict):
        inner = [found for value in node.values() for found in _verdicts(value)]
        return ([node] if "agrees" in node else []) + inner
    if isinstance(node, list):
        return [found for value in node for found in _verdicts(value)]
    return []


def party(name: str, number: int) -> dict[str, Any]:
    """Who owes, as core banking says it: an employee of Shanghai with a phone and an accepted WeChat contact."""
    phone = f"+8617400000{number:03d}"
    return {
        "name": "测试客户",
        "locale": "zh-CN",
        "timezone": "Asia/Shanghai",
        "region": "CN-SH",
        "segment": {"occupation": "employee", "household": "family", "purpose": "renovation"},
        "contact_points": [
            {"id": f"{name}-sms", "channel": "sms", "address": phone, "consent": "given"},
            {"id": f"{name}-call", "channel": "call", "address": phone, "place": "home", "consent": "given"},
            {
                "id": f"{name}-home",
                "channel": "visit",
                "address": "示例路 1 号",
                "place": "home",
                "consent": "given",
            },
            {"id": f"{name}-wx", "channel": "wechat", "address": f"wx-{name}", "consent": "given"},
        ],
    }


def loan(due_on: date) -> dict[str, Any]:
    """A loan of two instalments; the first is due on a day, the second after every story."""
    far = due_on + timedelta(days=200)
    return {
        "product": "consumer-loan",
        "currency": "CNY",
        "principal": "6000.00",
        "annual_rate": "0.12",
        "opened_on": (due_on - timedelta(days=31)).isoformat(),
        "schedule": [
            {"seq": 1, "due_on": due_on.isoformat(), "principal": "3000.00", "interest": "60.00"},
            {"seq": 2, "due_on": far.isoformat(), "principal": "3000.00", "interest": "60.00"},
        ],
    }


async def hire(conductor: Conductor) -> None:
    """The team of all stories; the lead comes first and makes the others known."""
    async with conductor.world.client("stager") as client:
        for member_id, facts in TEAM.items():
            body = {"capacity": 50, "locales": ["zh-CN"], "by": "lea", **facts}
            answer = await client.put(f"/v1/team/members/{member_id}", json=body)
            assert answer.status_code == 201, answer.text

"""When a gateway is left alone, who stands in for it, and who may never."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from notifier.gateways.breaker import Breaker, BreakerState, TokenBucket
from notifier.gateways.port import Inquiry, Outcome, OutMessage, QueryResult, SendResult, State
from notifier.gateways.switchboard import Line, Switchboard
from tests.tact.simulator.running import NOON


@dataclass
class Hands:
    """A clock set by its holder."""

    at: float = 100.0

    def __call__(self) -> float:
        return self.at


def test_a_breaker_opens_tries_one_and_closes() -> None:
    clock = Hands()
    breaker = Breaker(open_after=2, first_open_s=1.0, longest_open_s=4.0, clock=clock)
    breaker.failed("reset")
    assert (breaker.state, breaker.admits()) == (BreakerState.CLOSED, True)
    breaker.failed("reset")
    assert (breaker.state, breaker.admits(), breaker.code) == (BreakerState.OPEN, False, "reset")
    clock.at += 1.0
    assert (breaker.state, breaker.admits()) == (BreakerState.HALF_OPEN, True)
    breaker.begin()
    assert not breaker.admits()
    breaker.succeeded()
    assert (breaker.state, breaker.admits(), breaker.failures) == (BreakerState.CLOSED, True, 0)


def test_a_failed_trial_opens_it_for_twice_as_long_up_to_a_bound() -> None:
    clock = Hands()
    breaker = Breaker(first_open_s=1.0, longest_open_s=4.0, clock=clock)
    waits = []
    for _ in range(4):
        breaker.failed("timeout")
        waits.append(breaker.closed_for_s())
        clock.at += waits[-1]
        breaker.begin()
    assert waits == [1.0, 2.0, 4.0, 4.0]


def test_a_gateway_that_says_when_to_come_back_is_believed() -> None:
    clock = Hands()
    breaker = Breaker(open_after=5, clock=clock)
    breaker.failed("quota", retry_after_s=3600.0)
    clock.at += 3599
    assert not breaker.admits()
    clock.at += 1
    assert breaker.admits()


def test_a_trial_nobody_reports_on_does_not_shut_the_gateway_for_good() -> None:
    clock = Hands()
    breaker = Breaker(first_open_s=1.0, clock=clock)
    breaker.failed("reset")
    clock.at += 1
    breaker.begin()
    clock.at += 29
    assert not breaker.admits()
    clock.at += 1
    assert breaker.admits()


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    clock = Hands()
    bucket = TokenBucket(10.0, 3, clock=clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    assert round(bucket.wait_s(), 6) == 0.1
    clock.at += 0.1001
    assert (bucket.take(), bucket.take()) == (True, False)
    clock.at += 60
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


@dataclass
class Scripted:
    """A gateway that answers as it is told."""

    name: str
    outcome: Outcome = Outcome.ACCEPTED
    code: str | None = None
    retry_after_s: float | None = None
    honours_idempotency: bool = False
    key_life_s: float = 0.0
    can_query: bool = True
    not_ready: str | None = None
    sent: list[str] = field(default_factory=list)

    async def warm(self) -> str | None:
        return self.not_ready

    async def send(self, messages: Sequence[OutMessage], idempotency_key: str) -> list[SendResult]:
        self.sent += [message.client_ref for message in messages]
        return [SendResult(m.client_ref, self.outcome, "g", self.code, self.retry_after_s) for m in messages]

    async def query(self, asked: Inquiry) -> QueryResult:
        return QueryResult(asked.client_ref, State.UNKNOWN)

    async def aclose(self) -> None:
        return None


def two(first: Scripted, second: Scripted, clock: Hands) -> Switchboard:
    lines = [
        Line(g, Breaker(first_open_s=1.0, clock=clock), TokenBucket(None, 1, clock=clock))
        for g in (first, second)
    ]
    return Switchboard(lines, {"sms": ("first", "second"), "wechat": ("second",)})


def message(ref: str, gateway: str) -> OutMessage:
    return OutMessage(ref, "sms", "1", "x", None, NOON, gateway)


async def test_the_second_stands_in_while_the_first_takes_nothing_and_the_first_comes_back() -> None:
    clock = Hands()
    first, second = Scripted("first", Outcome.NOT_SENT, "ConnectError"), Scripted("second")
    board = two(first, second, clock)
    assert board.take("sms") == "first"
    await board.send([message("m1-1", "first")], "k")
    assert board.take("sms") == "second"
    clock.at += 1
    first.outcome = Outcome.ACCEPTED
    assert board.take("sms") == "first"
    # Until its trial is told, nothing else goes there.
    assert board.take("sms") == "second"
    await board.send([message("m2-1", "first")], "k")
    assert board.take("sms") == "first"


async def test_what_was_unknown_at_the_first_waits_for_the_first() -> None:
    clock = Hands()
    first, second = Scripted("first", Outcome.UNKNOWN, "ReadTimeout"), Scripted("second")
    board = two(first, second, clock)
    await board.send([message("m1-1", "first")], "k")
    assert board.take("sms", pinned="first") is None
    assert board.take("sms") == "second"


async def test_a_channel_is_closed_only_when_every_gateway_of_it_is() -> None:
    clock = Hands()
    first, second = (
        Scripted("first", Outcome.NOT_SENT, "reset"),
        Scripted("second", Outcome.NOT_SENT, "reset"),
    )
    board = two(first, second, clock)
    await board.send([message("m1-1", "first")], "k")
    assert board.closed_channels() == []
    await board.send([message("m1-2", "second")], "k")
    assert board.closed_channels() == ["sms", "wechat"]
    assert board.route_of("email") == ()


async def test_faults_of_messages_open_no_breaker() -> None:
    clock = Hands()
    first = Scripted("first", Outcome.NOT_SENT, "too_late")
    board = two(first, Scripted("second"), clock)
    await board.send([message("m1-1", "first")], "k")
    first.outcome, first.code = Outcome.REJECTED, "not_subscribed"
    await board.send([message("m2-1", "first")], "k")
    assert board.take("sms") == "first"


async def test_a_gateway_without_a_token_is_given_nothing_until_it_has_one() -> None:
    clock = Hands()
    first, second = Scripted("first", not_ready="errcode_40164"), Scripted("second")
    board = two(first, second, clock)
    await board.warm()
    assert (board.take("sms"), board.lines[0].state, board.lines[0].code) == (
        "second",
        "not_ready",
        "errcode_40164",
    )
    first.not_ready = None
    await board.warm()
    assert board.take("sms") == "first"


async def test_each_goes_to_its_own_gateway_and_answers_keep_their_order() -> None:
    first, second = Scripted("first"), Scripted("second", Outcome.REJECTED, "bad_number")
    board = two(first, second, Hands())
    results = await board.send(
        [message("a-1", "second"), message("b-1", "first"), message("c-1", "second")], "k"
    )
    assert [r.client_ref for r in results] == ["a-1", "b-1", "c-1"]
    assert (first.sent, second.sent) == (["b-1"], ["a-1", "c-1"])

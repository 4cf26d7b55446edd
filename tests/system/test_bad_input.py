"""Bad records, lost records: told with their reason, what they name is held, the rest goes on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import time, timedelta

import pytest
from sqlalchemy import text

from spine.broker.port import OutRecord
from spine.envelope import Envelope
from spine.topics import partition_of
from tact.doctor import examine, republish, resolve_letter
from tests.system.invariants import accepted, messages_by_client_ref
from tests.system.portfolio import START, Small, at
from tests.system.world import World, world

STORY = Small(loans=24, days=9, zones=("Asia/Shanghai",))


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[World]:
    async with world() as w:
        await w.play(STORY.events(), 2)
        yield w


def raw(borrower: str, loan: str, type_: str, body: bytes, id_: str) -> OutRecord:
    headers = Envelope(id_, "urn:test:bad", type_, subject=loan).headers()
    return OutRecord("corebanking.v1", partition_of(borrower, 3), borrower.encode(), body, headers)


def repayment(borrower: str, loan: str, **changes: object) -> bytes:
    data = {
        "borrower_id": borrower,
        "loan_id": loan,
        "repayment_id": "bad-R",
        "amount": "1.00",
        "currency": "CNY",
        "value_date": "2026-10-27",
        "posted_at": "2026-10-27T10:00:00+08:00",
    }
    return json.dumps({**data, **changes}).encode()


async def test_poison_on_the_topic_holds_its_loan_and_nothing_else(running: World) -> None:
    w = running
    rows = await w.fetch(
        "stager", "SELECT loan_id, borrower_id FROM episode WHERE closed_on IS NULL ORDER BY loan_id LIMIT 5"
    )
    loans = [(row["borrower_id"], row["loan_id"]) for row in rows]
    bad = {
        loans[0]: ("repayment.posted.v1", b"{not json", "bad_json"),
        loans[1]: ("repayment.posted.v1", repayment(*loans[1], amount="-1.00"), "bad_amount"),
        loans[2]: ("repayment.posted.v1", repayment(*loans[2]).replace(b'"1.00"', b"NaN"), "bad_amount"),
        loans[3]: ("loan.forgiven.v1", repayment(*loans[3]), "unknown_type"),
        loans[4]: ("repayment.posted.v1", repayment(*loans[4], currency="USD"), "wrong_currency"),
    }
    records = [
        raw(*loan, type_, body, f"bad-{number}")
        for number, (loan, (type_, body, _)) in enumerate(bad.items())
    ]
    await w.stage.broker.publish(records)
    before = len(w.gateway_record())
    await w.play(STORY.events(), 5, start=2)
    letters = {
        row["subject"]: row for row in await w.fetch("ledger", "SELECT id, subject, code FROM dead_letter")
    }
    assert {loan: row["code"] for loan, row in letters.items()} == {
        loan: code for (_, loan), (_, _, code) in bad.items()
    }
    facts = await messages_by_client_ref(w)
    sent_to = {facts[entry["client_ref"]]["loan_id"] for entry in w.gateway_record()[before:]}
    assert sent_to and not sent_to & letters.keys(), "held loans are silent, the others are not"

    shown = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tact", "dlq", "list"],
        env={**os.environ, "TACT_HOME": str(w.home.path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(row["id"] in shown.stdout for row in letters.values())

    for row in letters.values():
        await resolve_letter("ledger", row["id"], "sent in error")
    before = len(w.gateway_record())
    await w.play(STORY.events(), STORY.days, start=5)
    facts = await messages_by_client_ref(w)
    assert {facts[e["client_ref"]]["loan_id"] for e in w.gateway_record()[before:]} & letters.keys()


async def test_a_record_removed_from_a_topic_is_noticed_and_mended() -> None:
    async with world() as w:
        await w.play(STORY.events(), 2)
        worker = w.pid("notifier-worker")
        os.kill(worker, signal.SIGSTOP)
        try:
            await w.feed.publish(list(Small(loans=16, days=4, prefix="gap").events()))
            await asyncio.sleep(2)
            removed = await _remove_one(w)
        finally:
            os.kill(worker, signal.SIGCONT)
        reasons = await w.until_ready("notifier", ready=False)
        while not any("gap" in reason for reason in reasons):
            await asyncio.sleep(0.2)
            _, reasons = await w.ready("notifier")
        before = len(accepted(w))
        await w.step(at(START + timedelta(days=2), _TEN))
        await asyncio.sleep(3)
        assert len([e for e in accepted(w)[before:] if await _in_partition(w, e, removed[0])]) == 0
        findings = [finding.what for finding in await examine(w.home)]
        place = f"{removed[0]}@{removed[1]}"
        assert any("missing from ledger.v1" in what and place in what for what in findings), findings
        await republish(f"ledger.v1/{place}")
        await w.until_ready("notifier", ready=True)
        await w.play([], 3, start=2)
        assert len(accepted(w)) > before


_TEN = time(10)


async def _remove_one(w: World) -> tuple[int, int]:
    """Deletes the last positioned record of one partition of ledger.v1 but one; returns partition, position."""
    async with w.stage.log_engine.begin() as connection:
        rows = await connection.execute(
            text(
                'SELECT partition, "offset", headers FROM log_record WHERE topic = :topic AND key IS NOT NULL'
                ' ORDER BY partition, "offset" DESC'
            ),
            {"topic": "ledger.v1"},
        )
        row = rows.all()[1]
        await connection.execute(
            text(
                'DELETE FROM log_record WHERE topic = :topic AND partition = :partition AND "offset" = :offset'
            ),
            {"topic": "ledger.v1", "partition": row.partition, "offset": row.offset},
        )
    marks = await w.fetch(
        "ledger",
        "SELECT last_position FROM outbox_mark WHERE topic = 'ledger.v1' AND partition = :partition",
        partition=row.partition,
    )
    return row.partition, marks[0]["last_position"] - 1


async def _in_partition(w: World, entry: dict[str, str], partition: int) -> bool:
    facts = await messages_by_client_ref(w)
    return partition_of(facts[entry["client_ref"]]["borrower_id"], 3) == partition

"""The bulk door: NDJSON in, one NDJSON answer per line out, both streamed, batches in between."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ledger.door import read_event, status_of
from ledger.handlers.core_facts import Intake, take
from ledger.handlers.unknown_types import hold_unknown
from spine.database import Runtime, is_transient
from spine.errors import EventRefused, TooLarge, UnknownType
from spine.http import BodyTooLarge
from spine.service import Received

log = structlog.get_logger()

MAX_LINE_BYTES: Final = 65_536
MAX_BODY_BYTES: Final = 1 << 30
BATCH_LINES: Final = 500
#: A sender that pauses gets the answers it has earned so far.
LINGER_S: Final = 0.05
_IN_MEMORY_BYTES: Final = 1 << 20
_CHUNK_BYTES: Final = 65_536


class LineAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one line, counted from 1."""

    line: int
    status: int
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the body; None when it was too long to keep."""

    number: int
    text: bytes | None


class Lines:
    """Cuts a stream of chunks into lines, keeping no more than one line's limit of an unfinished one."""

    def __init__(self) -> None:
        self._number = 0
        self._rest = b""
        self._skipping = False

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that a chunk finishes; empty lines are counted and skipped."""
        *ends, rest = (self._rest + chunk).split(b"\n")
        lines = [self._line(text) for text in ends]
        self._skipping = self._skipping or len(rest) > MAX_LINE_BYTES
        self._rest = b"" if self._skipping else rest
        return [line for line in lines if line.text is None or line.text.strip()]

    def end(self) -> list[Line]:
        """The last line, when no newline ended it."""
        if not self._rest and not self._skipping:
            return []
        return [line for line in [self._line(self._rest)] if line.text is None or line.text.strip()]

    def _line(self, text: bytes) -> Line:
        self._number += 1
        too_long = self._skipping or len(text) > MAX_LINE_BYTES
        self._skipping = False
        return Line(self._number, None if too_long else text)


class _Spool:
    """Answers that wait for a reader; many clients read nothing before they have sent everything."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
        self._written = self._read = 0
        self._more = asyncio.Event()
        self._ended = False

    def put(self, answers: Sequence[LineAnswer]) -> None:
        self._file.seek(self._written)
        self._written += self._file.write(b"".join(msgspec.json.encode(each) + b"\n" for each in answers))
        self._more.set()

    def end(self) -> None:
        self._ended = True
        self._more.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._read < self._written:
                self._file.seek(self._read)
                chunk = self._file.read(_CHUNK_BYTES)
                self._read += len(chunk)
                yield chunk
            if self._ended:
                return

    def close(self) -> None:
        self._file.close()


class BulkIntake(Response):
    """Answers a bulk request while it is read; each batch is one transaction, committed before its answers.

    Not a StreamingResponse: that one listens for the client's leaving by reading the body itself.
    """

    media_type = "application/x-ndjson"

    def __init__(self, runtime: Runtime, to: Intake) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers()
        self._runtime = runtime
        self._to = to

    def init_headers(self, headers: Any = None) -> None:
        """Without a length: it is not known."""
        self.raw_headers = [(b"content-type", b"application/x-ndjson")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        spool = _Spool()
        intake = asyncio.create_task(self._intake(receive, spool))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for chunk in spool.chunks():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await intake
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            intake.cancel()
            await asyncio.wait([intake])
            spool.close()

    async def _intake(self, receive: Receive, spool: _Spool) -> None:
        try:
            await self._read(receive, spool)
        finally:
            spool.end()

    async def _read(self, receive: Receive, spool: _Spool) -> None:
        """Batches are cut when they are full, or when the sender pauses."""
        lines, last = Lines(), 0
        pending: list[Line] = []
        message = asyncio.ensure_future(receive())
        try:
            more = True
            while more:
                done, _ = await asyncio.wait({message}, timeout=LINGER_S if pending else None)
                if done:
                    got = message.result()
                    if got["type"] == "http.disconnect":
                        return
                    more = got.get("more_body", False)
                    pending += lines.feed(got.get("body", b""))
                    pending += [] if more else lines.end()
                    if more:
                        message = asyncio.ensure_future(receive())
                while len(pending) >= BATCH_LINES or (pending and not (done and more)):
                    batch, pending = pending[:BATCH_LINES], pending[BATCH_LINES:]
                    last = batch[-1].number
                    spool.put(await self._take(batch))
        except BodyTooLarge as error:
            spool.put([LineAnswer(last + 1, error.status, error.code, error.detail)])
        finally:
            message.cancel()

    async def _take(self, batch: Sequence[Line]) -> list[LineAnswer]:
        """One batch in one transaction; what cannot be committed together is tried line by line."""
        answers: dict[int, LineAnswer] = {}
        events: list[tuple[int, Received]] = []
        unknown: dict[int, tuple[bytes, UnknownType]] = {}
        for line in batch:
            try:
                events.append((line.number, self._parsed(line)))
            except UnknownType as error:
                unknown[line.number] = (line.text or b"", error)
                answers[line.number] = LineAnswer(line.number, error.status, error.code, error.detail)
            except (EventRefused, TooLarge) as error:
                answers[line.number] = LineAnswer(line.number, error.status, error.code, error.detail)
        try:
            await hold_unknown(self._runtime, list(unknown.values()))
            answers |= await self._commit(events)
        except Exception as error:
            if is_transient(error):
                down = "the database does not answer just now; send these lines again"
                numbers = [*unknown, *(number for number, _ in events)]
                answers |= {n: LineAnswer(n, 503, "unavailable", down) for n in numbers}
            else:
                log.warning("bulk batch failed, going on line by line", error=type(error).__name__)
                answers |= await self._one_by_one(events)
        return [answers[number] for number in sorted(answers)]

    def _parsed(self, line: Line) -> Received:
        if line.text is None:
            raise TooLarge(f"the line is longer than {MAX_LINE_BYTES} bytes")
        return read_event(line.text, self._to.house, self._runtime.partitions)

    async def _commit(self, events: Sequence[tuple[int, Received]]) -> dict[int, LineAnswer]:
        if not events:
            return {}
        received = [event for _, event in events]
        taken = await self._runtime.run(lambda tx: take(tx, received, to=self._to))
        return {
            number: LineAnswer(number, status_of(answer), answer.code, answer.message)
            for (number, _), answer in zip(events, taken, strict=True)
        }

    async def _one_by_one(self, events: Sequence[tuple[int, Received]]) -> dict[int, LineAnswer]:
        answers: dict[int, LineAnswer] = {}
        for number, event in events:
            try:
                answers |= await self._commit([(number, event)])
            except Exception as error:
                log.error("bulk line failed", line=number, error=type(error).__name__)
                answers[number] = LineAnswer(number, 500, "handler_error", "this line could not be taken in")
        return answers

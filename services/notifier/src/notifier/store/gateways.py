"""What is kept of gateways: which one had a message, how to ask it, what is claimed of it, how each one fares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from spine.database import Tx


async def unknown_at(tx: Tx, message_ids: Sequence[str]) -> dict[str, str]:
    """The gateway at which an attempt of a message was unknown once, by message."""
    rows = await tx.execute(
        "SELECT DISTINCT message_id, gateway FROM attempt"
        " WHERE message_id = ANY(CAST(:ids AS text[])) AND unknown_at IS NOT NULL",
        ids=sorted(message_ids),
    )
    return {row.message_id: row.gateway for row in rows}


@dataclass(frozen=True, slots=True)
class InquiryRow:
    """What a gateway is asked with about an attempt; the address is sealed under the person's key, None where it
    is no longer the one that was written to."""

    client_ref: str
    gateway: str
    idempotency_key: str
    gateway_id: str | None
    at: datetime
    contact_ref: str
    subject_key: bytes | None = field(repr=False)
    address_cipher: bytes | None = field(repr=False)


async def inquiries(tx: Tx, client_refs: Sequence[str]) -> dict[str, InquiryRow]:
    """How to ask for each of these attempts."""
    rows = await tx.execute(
        """
        SELECT a.client_ref, a.gateway, a.idempotency_key, a.gateway_id, a.at, a.contact_ref, p.subject_key,
               c.address_cipher
        FROM attempt a JOIN party p USING (borrower_id)
        LEFT JOIN contact_point c ON c.ref = a.contact_ref AND c.borrower_id = a.borrower_id
                                 AND c.address_index = a.address_index
        WHERE a.client_ref = ANY(CAST(:refs AS text[]))
        """,
        refs=sorted(client_refs),
    )
    return {
        row.client_ref: InquiryRow(
            row.client_ref,
            row.gateway,
            row.idempotency_key,
            row.gateway_id,
            row.at,
            row.contact_ref,
            row.subject_key,
            row.address_cipher,
        )
        for row in rows
    }


async def refs_of_numbers(
    tx: Tx, gateway: str, asked: Iterable[tuple[str, bytes]]
) -> dict[tuple[str, bytes], str]:
    """The attempts of a gateway by (key of the request, index of the address)."""
    pairs = sorted(set(asked))
    rows = await tx.execute(
        """
        SELECT a.client_ref, a.idempotency_key, a.address_index FROM attempt a
        JOIN unnest(CAST(:keys AS text[]), CAST(:indexes AS bytea[])) AS u(key, address)
             ON a.idempotency_key = u.key AND a.address_index = u.address
        WHERE a.gateway = :gateway
        """,
        gateway=gateway,
        keys=[key for key, _ in pairs],
        indexes=[index for _, index in pairs],
    )
    return {(row.idempotency_key, bytes(row.address_index)): row.client_ref for row in rows}


@dataclass(frozen=True, slots=True)
class Claim:
    """What was reported of a message. `reference`: our client_ref, or where the report is signed the gateway's own
    id, which we may not know yet."""

    gateway: str
    reference: str
    status: str
    code: str | None
    at: datetime
    signed: bool
    id: int = 0
    tries: int = 0
    client_ref: str | None = None


async def insert_claims(tx: Tx, claims: Iterable[Claim]) -> int:
    """Keeps claims; the same claim again is none. Returns how many are new."""
    rows = sorted(claims, key=lambda c: (c.gateway, c.reference, c.status))
    added = await tx.execute(
        """
        INSERT INTO receipt_claim (gateway, reference, status, code, at, signed)
        SELECT * FROM unnest(CAST(:gateways AS text[]), CAST(:refs AS text[]), CAST(:statuses AS text[]),
                             CAST(:codes AS text[]), CAST(:ats AS timestamptz[]), CAST(:signed AS boolean[]))
        ON CONFLICT (gateway, reference, status) DO NOTHING
        RETURNING id
        """,
        gateways=[c.gateway for c in rows],
        refs=[c.reference for c in rows],
        statuses=[c.status for c in rows],
        codes=[c.code for c in rows],
        ats=[c.at for c in rows],
        signed=[c.signed for c in rows],
    )
    return len(added.all())


async def claim_claims(tx: Tx, *, again_s: float, batch: int) -> list[Claim]:
    """Claims to be looked into now, with the attempt each is about where it is known; the next look at one is
    twice as long away each time, from `again_s` on."""
    rows = await tx.execute(
        """
        UPDATE receipt_claim AS r
        SET tries = r.tries + 1,
            check_at = clock_timestamp() + make_interval(secs => :again * power(2, least(r.tries, 10)))
        FROM (SELECT id FROM receipt_claim WHERE check_at <= clock_timestamp()
              ORDER BY check_at LIMIT :batch FOR UPDATE SKIP LOCKED) AS c
        WHERE r.id = c.id
        RETURNING r.id, r.gateway, r.reference, r.status, r.code, r.at, r.signed, r.tries,
            (SELECT a.client_ref FROM attempt a
             WHERE CASE WHEN r.signed THEN a.gateway = r.gateway AND a.gateway_id = r.reference
                        ELSE a.client_ref = r.reference AND a.gateway = r.gateway END
             LIMIT 1) AS client_ref
        """,
        again=again_s,
        batch=batch,
    )
    return [
        Claim(r.gateway, r.reference, r.status, r.code, r.at, r.signed, r.id, r.tries, r.client_ref)
        for r in rows
    ]


async def delete_claims(tx: Tx, ids: Iterable[int]) -> None:
    """These are settled, or nobody can settle them."""
    await tx.execute("DELETE FROM receipt_claim WHERE id = ANY(CAST(:ids AS bigint[]))", ids=sorted(ids))


@dataclass(frozen=True, slots=True)
class Health:
    """How a gateway fares, as the worker last told. `failing_s`: since when nothing got through; `seen_s`: since
    the worker told, both in seconds of wall time. Counts are of messages since the first start."""

    gateway: str
    state: str
    code: str | None
    failing_s: float | None
    seen_s: float = 0.0
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    not_sent: int = 0


async def tell_health(tx: Tx, told: Iterable[Health]) -> None:
    """Writes how gateways fare; the counts given are added."""
    for one in sorted(told, key=lambda h: h.gateway):
        await tx.execute(
            """
            INSERT INTO gateway_health AS g (gateway, state, code, failing_since, accepted, rejected, unknown,
                                             not_sent)
            VALUES (:gateway, :state, :code,
                    clock_timestamp() - make_interval(secs => CAST(:failing AS double precision)),
                    :accepted, :rejected, :unknown, :not_sent)
            ON CONFLICT (gateway) DO UPDATE
            SET state = excluded.state, code = excluded.code, failing_since = excluded.failing_since,
                seen_at = clock_timestamp(), accepted = g.accepted + excluded.accepted,
                rejected = g.rejected + excluded.rejected, unknown = g.unknown + excluded.unknown,
                not_sent = g.not_sent + excluded.not_sent
            """,
            gateway=one.gateway,
            state=one.state,
            code=one.code,
            failing=one.failing_s,
            accepted=one.accepted,
            rejected=one.rejected,
            unknown=one.unknown,
            not_sent=one.not_sent,
        )


async def health(tx: Tx) -> list[Health]:
    """How every gateway fares, by name."""
    rows = await tx.execute(
        "SELECT gateway, state, code, accepted, rejected, unknown, not_sent,"
        " CAST(extract(epoch FROM clock_timestamp() - failing_since) AS double precision) AS failing_s,"
        " CAST(extract(epoch FROM clock_timestamp() - seen_at) AS double precision) AS seen_s"
        " FROM gateway_health ORDER BY gateway"
    )
    return [
        Health(
            r.gateway, r.state, r.code, r.failing_s, r.seen_s, r.accepted, r.rejected, r.unknown, r.not_sent
        )
        for r in rows
    ]


async def at_another(tx: Tx, gateway: str, client_refs: Iterable[str]) -> set[str]:
    """Those of these attempts that were given to another gateway, which alone may speak of them."""
    rows = await tx.execute(
        "SELECT client_ref FROM attempt WHERE client_ref = ANY(CAST(:refs AS text[])) AND gateway <> :gateway",
        refs=sorted(set(client_refs)),
        gateway=gateway,
    )
    return {row.client_ref for row in rows}


async def insert_queued(tx: Tx, queued: Sequence[tuple[str, datetime]]) -> None:
    """Messages whose record is written: (client_ref, not_after)."""
    await tx.execute(
        "INSERT INTO queued_message (client_ref, not_after)"
        " SELECT * FROM unnest(CAST(:refs AS text[]), CAST(:instants AS timestamptz[]))",
        refs=[ref for ref, _ in queued],
        instants=[not_after for _, not_after in queued],
    )


@dataclass(frozen=True, slots=True)
class QueuedRow:
    """A message in the log that its gateway may still hand on."""

    client_ref: str
    message_id: str
    borrower_id: str
    gateway: str


async def queued(tx: Tx, *, batch: int) -> list[QueuedRow]:
    """Messages in the log that are not withdrawn, not reported on, and not too late."""
    rows = await tx.execute(
        "SELECT q.client_ref, a.message_id, a.borrower_id, a.gateway"
        " FROM queued_message q JOIN attempt a USING (client_ref)"
        " WHERE q.withdrawn_at IS NULL AND q.not_after > :now AND a.state IN ('sending', 'unknown', 'accepted')"
        " ORDER BY q.not_after LIMIT :batch",
        now=tx.now,
        batch=batch,
    )
    return [QueuedRow(r.client_ref, r.message_id, r.borrower_id, r.gateway) for r in rows]


async def mark_withdrawn(tx: Tx, client_refs: Sequence[str]) -> set[str]:
    """Marks messages as withdrawn; returns those that were not."""
    rows = await tx.execute(
        "UPDATE queued_message SET withdrawn_at = :now"
        " WHERE client_ref = ANY(CAST(:refs AS text[])) AND withdrawn_at IS NULL RETURNING client_ref",
        now=tx.now,
        refs=sorted(client_refs),
    )
    return {row.client_ref for row in rows}


async def scrub_published(tx: Tx) -> None:
    """Takes numbers and texts out of records that the broker has confirmed: nothing reads these rows again."""
    await tx.execute(
        """
        UPDATE outbox AS o SET data = CAST('{}' AS bytea)
        FROM outbox_mark m
        WHERE o.topic = 'gateway.outbound.v1' AND m.topic = o.topic AND m.partition = o.partition
          AND o.position <= m.published_position AND o.data <> CAST('{}' AS bytea)
        """
    )

"""Attempts: the reservation that counts in caps, and what became of it at the gateway."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, get_args

from notifier.domain.consent import last_word
from notifier.domain.facts import PastContact
from notifier.domain.holds import is_stopped
from notifier.domain.pack import HoldRule, PastOutcome
from notifier.domain.plan import Act
from notifier.sending.states import Attempt, AttemptState
from notifier.store import consents
from spine.database import Tx

#: How far back contact rules look.
HISTORY: Final = timedelta(days=31)

_COLUMNS: Final = (
    "client_ref, message_id, attempt_no, borrower_id, loan_id, channel, purpose, contact_ref, address_index,"
    " gateway, idempotency_key, not_after, gate_seq, state, at, body_cipher, body_sha256, template_version,"
    " facts_digest, policy, gateway_id, code, unknown_told"
)
#: What people report with a word of its own - a promise, a dispute - was a conversation.
_KNOWN_OUTCOMES: Final = get_args(PastOutcome)
_OUTCOME: Final = {
    AttemptState.ACCEPTED: "sent",
    AttemptState.DELIVERED: "delivered",
    AttemptState.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class AttemptUpdate:
    """What becomes of an attempt; gateway_id and code stay where None is given."""

    client_ref: str
    state: AttemptState
    gateway_id: str | None = None
    code: str | None = None
    told_unknown: bool = False


def _attempt(row: Any) -> Attempt:
    values = {name.strip(): getattr(row, name.strip()) for name in _COLUMNS.split(",")}
    values["state"] = AttemptState(row.state)
    return Attempt(**values)


async def reserve(tx: Tx, attempts: Iterable[Attempt]) -> None:
    """Writes attempts as SENDING. One that is resumed keeps its key, its body and its first instant, from which
    the life of its key counts."""
    rows = sorted(attempts, key=lambda a: a.client_ref)
    if not rows:
        return
    await tx.execute(
        """
        INSERT INTO attempt AS a (client_ref, message_id, attempt_no, borrower_id, loan_id, channel, purpose,
            contact_ref, address_index, gateway, idempotency_key, not_after, gate_seq, state, at, body_cipher,
            body_sha256, template_version, facts_digest, policy)
        SELECT u.client_ref, u.message_id, u.attempt_no, u.borrower_id, u.loan_id, u.channel, u.purpose,
               u.contact_ref, u.address_index, u.gateway, u.idempotency_key, u.not_after, u.gate_seq, 'sending',
               :now, u.body_cipher, u.body_sha256, u.template_version, u.facts_digest, u.policy
        FROM unnest(CAST(:refs AS text[]), CAST(:messages AS text[]), CAST(:nos AS int[]),
                    CAST(:borrowers AS text[]), CAST(:loans AS text[]), CAST(:channels AS text[]),
                    CAST(:purposes AS text[]), CAST(:contacts AS text[]), CAST(:indexes AS bytea[]),
                    CAST(:gateways AS text[]), CAST(:keys AS text[]), CAST(:not_afters AS timestamptz[]),
                    CAST(:seqs AS bigint[]), CAST(:bodies AS bytea[]), CAST(:digests AS text[]),
                    CAST(:versions AS int[]), CAST(:facts AS text[]), CAST(:policies AS text[]))
             AS u(client_ref, message_id, attempt_no, borrower_id, loan_id, channel, purpose, contact_ref,
                  address_index, gateway, idempotency_key, not_after, gate_seq, body_cipher, body_sha256,
                  template_version, facts_digest, policy)
        ON CONFLICT (client_ref) DO UPDATE
            SET state = 'sending', sending_at = clock_timestamp(), not_after = excluded.not_after,
                gate_seq = excluded.gate_seq, facts_digest = excluded.facts_digest, at = excluded.at,
                policy = excluded.policy, query_at = NULL
        """,
        now=tx.now,
        refs=[a.client_ref for a in rows],
        messages=[a.message_id for a in rows],
        nos=[a.attempt_no for a in rows],
        borrowers=[a.borrower_id for a in rows],
        loans=[a.loan_id for a in rows],
        channels=[a.channel for a in rows],
        purposes=[a.purpose for a in rows],
        contacts=[a.contact_ref for a in rows],
        indexes=[a.address_index for a in rows],
        gateways=[a.gateway for a in rows],
        keys=[a.idempotency_key for a in rows],
        not_afters=[a.not_after for a in rows],
        seqs=[a.gate_seq for a in rows],
        bodies=[a.body_cipher for a in rows],
        digests=[a.body_sha256 for a in rows],
        versions=[a.template_version for a in rows],
        facts=[a.facts_digest for a in rows],
        policies=[a.policy for a in rows],
    )


async def history_of(tx: Tx, borrower_ids: Sequence[str]) -> dict[str, list[tuple[str | None, PastContact]]]:
    """The contacts of the last days that count, by person, oldest first, attempts with their client_ref.

    A person is whoever the borrowers are under all their ids (`party.person_id`); an address is the same
    whatever it is called.
    """
    rows = await tx.execute(
        """
        WITH whom AS MATERIALIZED (
            SELECT coalesce(array_agg(m.borrower_id), '{}') || CAST(:ids AS text[]) AS ids
            FROM party a JOIN party m USING (person_id)
            WHERE a.borrower_id = ANY(CAST(:ids AS text[])) AND a.person_size > 1)
        SELECT h.*, coalesce(p.person_id, h.borrower_id) AS person_id,
               CASE WHEN h.party_id = h.borrower_id THEN coalesce(p.person_id, h.borrower_id)
                    ELSE h.party_id END AS met,
               coalesce(h.own_index, c.address_index) AS address_index
        FROM (
        SELECT a.client_ref, a.borrower_id, a.borrower_id AS party_id, a.at, a.channel, a.state AS outcome,
               a.contact_ref AS address, a.purpose, a.loan_id || m.covers AS debts, 'outbound' AS direction,
               a.address_index AS own_index
        FROM attempt a JOIN message m ON m.id = a.message_id
        WHERE a.borrower_id = ANY(CAST((SELECT ids FROM whom) AS text[])) AND a.at > :since
          AND a.state NOT IN ('rejected', 'not_sent')
        UNION ALL
        SELECT NULL, r.borrower_id, r.borrower_id, r.at, r.channel,
               CASE WHEN r.outcome = ANY(CAST(:outcomes AS text[])) THEN r.outcome ELSE 'conversation' END,
               coalesce(r.contact_ref, p.contact_ref, ''), coalesce(p.purpose, r.purpose, 'collection'),
               array_remove(ARRAY[r.loan_id], NULL), r.direction, NULL
        FROM recorded_contact r LEFT JOIN permit p USING (permit_id, borrower_id)
        WHERE r.borrower_id = ANY(CAST((SELECT ids FROM whom) AS text[])) AND r.at > :since
        UNION ALL
        -- A permit is a contact of its reported outcome, or of an unknown one, until the contact itself is known.
        SELECT NULL, p.borrower_id, p.borrower_id, coalesce(p.outcome_at, p.at), p.channel,
               coalesce(p.outcome, 'unknown'), coalesce(p.contact_ref, ''), p.purpose, ARRAY[p.loan_id], 'outbound',
               NULL
        FROM permit p
        WHERE p.borrower_id = ANY(CAST((SELECT ids FROM whom) AS text[])) AND p.at > :since AND p.granted
          AND p.outcome IS DISTINCT FROM 'not_made'
          AND NOT EXISTS (SELECT 1 FROM recorded_contact r
                          WHERE r.permit_id = p.permit_id AND r.borrower_id = p.borrower_id)
        UNION ALL
        SELECT NULL, borrower_id, party_id, at, channel, outcome, contact_ref, purpose, debts, direction,
               NULL
        FROM past_contact WHERE borrower_id = ANY(CAST((SELECT ids FROM whom) AS text[])) AND at > :since
        ) AS h
        LEFT JOIN party p ON p.borrower_id = h.borrower_id
        LEFT JOIN contact_point c ON c.ref = h.address AND h.own_index IS NULL
        ORDER BY h.at, h.client_ref
        """,
        ids=sorted(set(borrower_ids)),
        since=tx.now - HISTORY,
        outcomes=list(_KNOWN_OUTCOMES),
    )
    history: dict[str, list[tuple[str | None, PastContact]]] = {}
    for row in rows:
        own = row.client_ref is not None
        contact = PastContact(
            at=row.at,
            channel=row.channel,
            outcome=_OUTCOME.get(row.outcome, "unknown") if own else row.outcome,
            address=row.address_index.hex()[:32] if row.address_index is not None else row.address,
            party_id=row.met,
            purpose=row.purpose,
            debts=tuple(row.debts),
            direction=row.direction,
        )
        history.setdefault(row.person_id, []).append((row.client_ref, contact))
    return history


async def load(tx: Tx, client_refs: Iterable[str]) -> dict[str, Attempt]:
    """Attempts by client_ref. Who changes one has locked its message before."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM attempt WHERE client_ref = ANY(CAST(:refs AS text[]))",  # noqa: S608
        refs=sorted(set(client_refs)),
    )
    return {row.client_ref: _attempt(row) for row in rows}


async def of_message(tx: Tx, message_id: str) -> list[Attempt]:
    """All attempts of a message, the first first."""
    rows = await tx.execute(
        f"SELECT {_COLUMNS} FROM attempt WHERE message_id = :id ORDER BY attempt_no",  # noqa: S608
        id=message_id,
    )
    return [_attempt(row) for row in rows]


async def update(tx: Tx, updates: Iterable[AttemptUpdate], *, settle_s: float) -> None:
    """Writes what became of attempts; an unknown one is asked about `settle_s` of wall time later."""
    rows = sorted(updates, key=lambda u: u.client_ref)
    if not rows:
        return
    await tx.execute(
        """
        UPDATE attempt AS a
        SET state = u.state, gateway_id = coalesce(u.gateway_id, a.gateway_id),
            code = coalesce(u.code, a.code), unknown_told = a.unknown_told OR u.told,
            unknown_at = CASE WHEN u.state = 'unknown' THEN coalesce(a.unknown_at, clock_timestamp())
                              ELSE a.unknown_at END,
            query_at = CASE WHEN u.state = 'unknown' AND a.state = 'sending'
                            THEN clock_timestamp() + make_interval(secs => :settle) END
        FROM unnest(CAST(:refs AS text[]), CAST(:states AS text[]), CAST(:ids AS text[]),
                    CAST(:codes AS text[]), CAST(:told AS boolean[]))
             AS u(client_ref, state, gateway_id, code, told)
        WHERE a.client_ref = u.client_ref
        """,
        settle=settle_s,
        refs=[u.client_ref for u in rows],
        states=[u.state.value for u in rows],
        ids=[u.gateway_id for u in rows],
        codes=[u.code for u in rows],
        told=[u.told_unknown for u in rows],
    )


async def messages_of(tx: Tx, client_refs: Iterable[str]) -> dict[str, str]:
    """The message of each attempt that exists."""
    rows = await tx.execute(
        "SELECT client_ref, message_id FROM attempt WHERE client_ref = ANY(CAST(:refs AS text[]))",
        refs=sorted(set(client_refs)),
    )
    return {row.client_ref: row.message_id for row in rows}


async def may_still_leave(
    tx: Tx,
    client_refs: Sequence[str],
    holds: tuple[HoldRule, ...],
    closing: Sequence[str],
    states: Sequence[AttemptState] = (AttemptState.SENDING,),
) -> set[str]:
    """Those still in one of `states` by this reservation whose gates and switches are open: asked before bytes
    leave.

    `holds` says what each kind of hold blocks, `closing` which service texts need closed arrears gates instead.
    """
    rows = await tx.execute(
        """
        SELECT a.client_ref, a.channel, a.purpose, m.stage, a.borrower_id, a.address_index,
               ARRAY(SELECT g.kind FROM loan_gate g WHERE g.loan_id = ANY(a.loan_id || m.covers) AND g.closed
                     UNION SELECT w.kind FROM wide_gate w
                     WHERE w.scope = 'borrower' AND w.ref = ANY(same.ids) AND w.closed) AS kinds
        FROM attempt a JOIN message m ON m.id = a.message_id
        CROSS JOIN LATERAL (SELECT array_agg(o.borrower_id) AS ids FROM party p JOIN party o USING (identity_id)
                            WHERE p.borrower_id = a.borrower_id) AS same
        WHERE a.client_ref = ANY(CAST(:refs AS text[])) AND a.state = ANY(CAST(:states AS text[]))
          AND (SELECT sum(g.seq) FROM loan_gate g
               WHERE g.loan_id = ANY(a.loan_id || m.covers) AND g.reason = 'arrears') = a.gate_seq
          AND NOT EXISTS (SELECT 1 FROM loan_gate g
                          WHERE g.loan_id = ANY(a.loan_id || m.covers) AND g.kind IS NULL
                            AND g.closed <> (g.reason = 'arrears' AND m.purpose = 'service'
                                             AND m.template = ANY(CAST(:closing AS text[]))))
          AND NOT EXISTS (SELECT 1 FROM address_stop s
                          WHERE s.borrower_id = ANY(same.ids)
                            AND (s.address_index = a.address_index OR s.contact_ref = a.contact_ref
                                 OR (s.contact_ref IS NULL AND coalesce(s.channel, a.channel) = a.channel)))
          AND NOT EXISTS (SELECT 1 FROM wide_gate w
                          WHERE w.closed AND w.kind IS NULL AND ((w.scope = 'borrower' AND w.ref = ANY(same.ids))
                                           OR (w.scope = 'partition' AND w.ref = CAST(m.partition AS text))))
          AND NOT EXISTS (SELECT 1 FROM kill_switch k WHERE k.stopped AND k.scope IN ('all', a.channel))
        """,
        refs=sorted(client_refs),
        closing=list(closing),
        states=[state.value for state in states],
    )
    still = rows.all()
    said = await consents.in_force(tx, [row.borrower_id for row in still])
    left = set()
    for row in still:
        word = last_word(said.get(row.borrower_id, ()), row.channel, row.address_index)
        kinds = [*row.kinds, "opt_out"] if word is not None and word.kind == "opt_out" else row.kinds
        act = Act(row.channel, row.purpose, row.stage, "debtor", automated=True)
        if not is_stopped(kinds, holds, act):
            left.add(row.client_ref)
    return left


async def left_behind(tx: Tx, *, lease_s: float, batch: int) -> list[str]:
    """Attempts that are SENDING for longer than any live sender takes: their sender died."""
    rows = await tx.execute(
        "SELECT client_ref FROM attempt WHERE state = 'sending'"
        " AND sending_at < clock_timestamp() - make_interval(secs => :lease) ORDER BY sending_at LIMIT :batch",
        lease=lease_s,
        batch=batch,
    )
    return [row.client_ref for row in rows]


@dataclass(frozen=True, slots=True)
class Question:
    """An attempt to ask the gateway about. Ages are wall time: of the key, and of not knowing."""

    client_ref: str
    gateway: str
    key_age_s: float
    unknown_s: float


async def claim_questions(tx: Tx, *, again_in_s: float, batch: int) -> list[Question]:
    """Unknown attempts that are to be asked about now; the next asker waits `again_in_s`."""
    rows = await tx.execute(
        """
        UPDATE attempt AS a SET query_at = clock_timestamp() + make_interval(secs => :again)
        FROM (SELECT client_ref FROM attempt WHERE state = 'unknown' AND query_at <= clock_timestamp()
              ORDER BY query_at LIMIT :batch FOR UPDATE SKIP LOCKED) AS c
        WHERE a.client_ref = c.client_ref
        RETURNING a.client_ref, a.gateway,
            CAST(extract(epoch FROM clock_timestamp() - a.first_sending_at) AS double precision) AS key_age_s,
            CAST(extract(epoch FROM clock_timestamp() - a.unknown_at) AS double precision) AS unknown_s
        """,
        again=again_in_s,
        batch=batch,
    )
    return [Question(row.client_ref, row.gateway, row.key_age_s, row.unknown_s) for row in rows]


async def key_ages_s(tx: Tx, client_refs: Sequence[str]) -> dict[str, float]:
    """For how long (wall time) the key of each attempt has been in use."""
    rows = await tx.execute(
        "SELECT client_ref,"
        " CAST(extract(epoch FROM clock_timestamp() - first_sending_at) AS double precision) AS age_s"
        " FROM attempt WHERE client_ref = ANY(CAST(:refs AS text[]))",
        refs=sorted(client_refs),
    )
    return {row.client_ref: row.age_s for row in rows}


async def waiting_for_a_person(tx: Tx) -> int:
    """How many attempts no gateway could tell about."""
    row = await tx.execute("SELECT count(*) FROM attempt WHERE state = 'human'")
    count: int = row.scalar_one()
    return count

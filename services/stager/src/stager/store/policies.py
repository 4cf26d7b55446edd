"""Keeps the text of every policy version that decided something, and finds it again by its digest."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import rfc8785

from spine.database import Tx
from stager.domain.clock_policy import ClockPolicy
from stager.domain.contact_policy import ContactPolicy
from stager.domain.cutover import CutoverPolicy
from stager.domain.documents.policy import DocumentPolicy
from stager.domain.hold_policy import HoldPolicy
from stager.domain.plan_policy import PlanPolicy
from stager.domain.preparation import PreparationPolicy
from stager.domain.promise_policy import PromisePolicy
from stager.domain.rulebook import Rulebook
from stager.domain.script_policy import ScriptPolicy
from stager.domain.stage_policy import StagePolicy
from stager.domain.strategy import Strategy
from stager.domain.waiver_policy import WaiverPolicy
from stager.domain.work_policy import WorkPolicy

_KINDS: dict[type[msgspec.Struct], str] = {
    StagePolicy: "stages",
    Strategy: "strategy",
    ClockPolicy: "clocks",
    HoldPolicy: "holds",
    CutoverPolicy: "cutover",
    ContactPolicy: "contacts",
    PreparationPolicy: "preparation",
    PromisePolicy: "promises",
    PlanPolicy: "plans",
    WaiverPolicy: "waivers",
    ScriptPolicy: "scripts",
    DocumentPolicy: "documents",
    WorkPolicy: "work",
}


def canonical_text(policy: msgspec.Struct) -> str:
    """The canonical JSON (RFC 8785) that a policy's digest is of."""
    return rfc8785.dumps(msgspec.to_builtins(policy)).decode()


async def keep_policies(tx: Tx, rulebook: Rulebook, digests: Iterable[str]) -> None:
    """Keeps the policy versions with these digests unless they are kept."""
    policies = [(digest, rulebook.edition(digest).policy) for digest in sorted(digests)]
    if not policies:
        return
    await tx.execute(
        """
        INSERT INTO policy (digest, kind, name, version, effective_from, body, first_used_at)
        SELECT u.digest, u.kind, u.name, u.version, u.effective_from, u.body, :now
        FROM unnest(CAST(:digests AS text[]), CAST(:kinds AS text[]), CAST(:names AS text[]),
                    CAST(:versions AS int[]), CAST(:effective AS date[]), CAST(:bodies AS text[]))
             AS u(digest, kind, name, version, effective_from, body)
        ON CONFLICT (digest) DO NOTHING
        """,
        now=tx.now,
        digests=[digest for digest, _ in policies],
        kinds=[_KINDS[type(policy)] for _, policy in policies],
        names=[policy.name for _, policy in policies],
        versions=[policy.version for _, policy in policies],
        effective=[policy.effective_from for _, policy in policies],
        bodies=[canonical_text(policy) for _, policy in policies],
    )


async def policy_bodies(tx: Tx, digests: Iterable[str]) -> dict[str, str]:
    """The canonical texts of these policy versions, by digest; those never kept are missing."""
    rows = await tx.execute(
        "SELECT digest, body FROM policy WHERE digest = ANY(CAST(:digests AS text[]))",
        digests=sorted(set(digests)),
    )
    return {row.digest: row.body for row in rows}

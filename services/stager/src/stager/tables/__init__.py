"""The stager's tables: cases and episodes, people's work, what was agreed, policies and documents."""

from stager.tables import actions, cases, clocks, documents, holds, plans, policies, promises, work
from stager.tables.metadata import METADATA

__all__ = [
    "METADATA",
    "actions",
    "cases",
    "clocks",
    "documents",
    "holds",
    "plans",
    "policies",
    "promises",
    "work",
]

"""How episodes are kept: whole when their facts changed, only their stage when a close judged them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from spine.database import Tx
from stager.domain.cases import Episode
from stager.domain.figures import Figures
from stager.store.rows import Rows
from stager.tables.cases import EPISODE

_KEYS: Final = ("loan_id", "episode")
_FIGURES: Final = tuple(field.name for field in fields(Figures))
_BEFORE: Final = tuple(field.name for field in fields(Episode))
_FIGURES_AT: Final = _BEFORE.index("figures")
_OWN: Final = _BEFORE[:_FIGURES_AT] + _BEFORE[_FIGURES_AT + 1 :]
_SEEN_AT: Final = _OWN.index("stages_seen")
_STAGE: Final = (
    "stage",
    "entry_no",
    "entered_on",
    "steps_from_on",
    "stages_seen",
    "judge_on",
    "judged_on",
    "awaits_start",
)

#: The select list that `episode_of` reads, for a table or subquery named `e`.
EPISODE_COLUMNS: Final = ", ".join(f"e.{name}" for name in (*_OWN, *_FIGURES))

_WHOLE: Final = Rows(EPISODE, without={"stop_seq"}, paths={name: f"figures.{name}" for name in _FIGURES})
_STAGES: Final = Rows(EPISODE, without={c.name for c in EPISODE.columns} - {*_KEYS, *_STAGE})

_REPLACE: Final = f"""
    UPDATE episode AS e SET {_WHOLE.updates(_KEYS)} FROM {_WHOLE.source}
    WHERE e.loan_id = u.loan_id AND e.episode = u.episode
"""  # noqa: S608 (column names of our own tables)
_SAVE_STAGES: Final = f"""
    UPDATE episode AS e SET {_STAGES.updates(_KEYS)} FROM {_STAGES.source}
    WHERE e.loan_id = u.loan_id AND e.episode = u.episode
"""  # noqa: S608


def episode_of(row: Any) -> Episode:
    """An episode from a row of EPISODE_COLUMNS, by place: there are many of them."""
    own = list(row[: len(_OWN)])
    own[_SEEN_AT] = tuple(own[_SEEN_AT])
    own.insert(_FIGURES_AT, Figures(*row[len(_OWN) :]))
    return Episode(*own)


async def add_episodes(tx: Tx, episodes: Sequence[Episode]) -> None:
    """Keeps new episodes of locked borrowers."""
    await _WHOLE.copy(tx, episodes)


async def replace_episodes(tx: Tx, episodes: Sequence[Episode]) -> None:
    """Keeps episodes whose facts have changed."""
    if episodes:
        await tx.execute(_REPLACE, **_WHOLE.parameters(episodes))


async def save_stages(tx: Tx, episodes: Sequence[Episode]) -> None:
    """Keeps what a stage decision changed in episodes whose facts are kept already."""
    if episodes:
        await tx.execute(_SAVE_STAGES, **_STAGES.parameters(episodes))

"""Many rows in one statement: dataclasses copied in as they are, or as arrays that `unnest` turns into rows.

A COPY costs a third of the arrays, for the driver looks at every element of an array twice; it is for rows that are
known to be new.

Rows are also looked up by joining `unnest`, never by `= ANY(array)`: a plan that was cached while a table was
small would compare every row with every element for as long as it is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import ARRAY

from spine.database import Tx

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class Rows:
    """How objects become rows of some columns of a table. `paths` tells where a column is not of its name."""

    def __init__(
        self, table: Table, *, without: Collection[str] = (), paths: Mapping[str, str] | None = None
    ) -> None:
        columns = [column for column in table.columns if column.name not in without]
        self._table = table.name
        self.names = [column.name for column in columns]
        self._arrays = {column.name for column in columns if isinstance(column.type, ARRAY)}
        self._values = attrgetter(*((paths or {}).get(name, name) for name in self.names))
        self.columns = ", ".join(self.names)
        #: `SELECT {selected} FROM {source}` gives the rows.
        self.source = f"unnest({', '.join(map(self._parameter, columns))}) AS u({self.columns})"
        self._selections = [self._selected(column) for column in columns]
        self.selected = ", ".join(self._selections)

    def _parameter(self, column: Column[Any]) -> str:
        # An array of arrays would be unnested to its elements, so inner arrays travel as text.
        kind = "text" if column.name in self._arrays else column.type.compile(_DIALECT)
        return f"CAST(:{column.name} AS {kind}[])"

    def _selected(self, column: Column[Any]) -> str:
        kind = column.type.compile(_DIALECT)
        return f"CAST(u.{column.name} AS {kind})" if column.name in self._arrays else f"u.{column.name}"

    def parameters(self, objects: Sequence[object]) -> dict[str, list[Any]]:
        """The arrays to bind, one per column."""
        arrays = {
            name: list(values)
            for name, values in zip(self.names, zip(*map(self._values, objects), strict=True), strict=True)
        }
        for name in self._arrays:
            arrays[name] = ["{" + ",".join(f'"{item}"' for item in value) + "}" for value in arrays[name]]
        return arrays

    async def copy(self, tx: Tx, objects: Sequence[object]) -> None:
        """COPYs rows that are not there yet; columns left out get their defaults."""
        if objects:
            await tx.copy(self._table, self.names, list(map(self._values, objects)))

    def updates(self, keys: Collection[str]) -> str:
        """The SET list of an update from `source` of everything but the keys."""
        values = zip(self.names, self._selections, strict=True)
        return ", ".join(f"{name} = {value}" for name, value in values if name not in keys)

    def assignments(self, keys: Collection[str]) -> str:
        """The SET list of an upsert that replaces everything but the keys."""
        return ", ".join(f"{name} = excluded.{name}" for name in self.names if name not in keys)

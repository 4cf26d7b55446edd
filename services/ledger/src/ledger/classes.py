"""The tables of asset classification as data, and a loan's class by them as others read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

import msgspec
from msgspec import Meta
from typing_extensions import TypedDict

from ledger.domain.classification import (
    AssetClass,
    Awaited,
    Band,
    Basis,
    Observation,
    ObservationRule,
    classify,
)
from ledger.domain.facts import LoanFacts
from ledger.domain.position import Position
from spine.policy import BadPolicy, load_policy, read_rule_files

_FILE = "classification.yaml"

Days = Annotated[int, Meta(ge=0, le=36_500)]
Text = Annotated[str, Meta(min_length=1, max_length=500)]


class BandPolicy(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"asset_class": "class", "from_dpd": "from", "to_dpd": "to"},
):
    """One line of a table, both ends included; the last has no end."""

    asset_class: AssetClass
    from_dpd: Days
    to_dpd: Days | None = None


class TablePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Classes by days past due, with the instrument they come from."""

    citation: Text
    bands: Annotated[tuple[BandPolicy, ...], Meta(min_length=1)]
    unverified: bool = False


class ObservationPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a restructured asset is observed."""

    citation: Text
    months: Annotated[int, Meta(ge=0, le=600)]
    paid_instalments: Annotated[int, Meta(ge=1, le=60)]
    at_least: AssetClass
    not_restructuring: tuple[Text, ...]
    unverified: bool = False


class ClassificationPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file classification.yaml. `products` names the table of a product, `default` that of the others."""

    version: Text
    tables: dict[str, TablePolicy]
    default: str
    products: dict[str, str]
    observation: ObservationPolicy


class ObservationFigures(TypedDict):
    """Why a loan is under observation; `until_on` is None while the instalments are not paid."""

    since_on: date
    reason: str
    not_before_on: date
    until_on: date | None
    paid_in_a_row: int
    awaits: tuple[Awaited, ...]


class ClassFigures(TypedDict):
    """The class of a loan, None when nothing is owed. `from_dpd`: where the table's line begins."""

    asset_class: AssetClass | None
    basis: Basis
    from_dpd: int | None
    table: str
    version: str
    digest: str
    observation: ObservationFigures | None


@dataclass(frozen=True, slots=True)
class Classes:
    """The tables in force. Built once, by the composition root."""

    policy: ClassificationPolicy
    digest: str
    tables: Mapping[str, tuple[Band, ...]]
    rule: ObservationRule

    @classmethod
    def load(cls, policy_dir: Path | None = None) -> Self:
        """Reads the rule file; raises BadPolicy for what is not exactly as declared."""
        text = read_rule_files("ledger", policy_dir, _FILE)[_FILE]
        loaded = load_policy(ClassificationPolicy, text, path=_FILE)
        policy = loaded.policy
        for product, name in {"default": policy.default, **policy.products}.items():
            if name not in policy.tables:
                raise BadPolicy(
                    f"{_FILE}: {product}: no table {name!r}; there are {', '.join(policy.tables)}"
                )
        tables = {name: _bands(name, table.bands) for name, table in policy.tables.items()}
        return cls(policy, loaded.digest, tables, _rule(policy.observation))

    def table_of(self, product: str) -> str:
        """The name of a product's table."""
        return self.policy.products.get(product, self.policy.default)

    def figures(self, facts: LoanFacts, position: Position) -> ClassFigures:
        """The class of a loan at its position, with what it follows from."""
        table = self.table_of(facts.product)
        found = classify(facts, position, self.tables[table], self.rule)
        return ClassFigures(
            asset_class=found.asset_class,
            basis=found.basis,
            from_dpd=found.band.from_dpd if found.band else None,
            table=table,
            version=self.policy.version,
            digest=self.digest,
            observation=_observation(found.observation) if found.observation else None,
        )


def _observation(found: Observation) -> ObservationFigures:
    return ObservationFigures(
        since_on=found.since_on,
        reason=found.reason,
        not_before_on=found.not_before_on,
        until_on=found.until_on,
        paid_in_a_row=found.paid_in_a_row,
        awaits=found.awaits,
    )


def _rule(stated: ObservationPolicy) -> ObservationRule:
    reasons = [reason.strip().casefold() for reason in stated.not_restructuring]
    if len(set(reasons)) != len(reasons):
        raise BadPolicy(f"{_FILE}: observation.not_restructuring: a reason is given twice")
    return ObservationRule(stated.months, stated.paid_instalments, stated.at_least, frozenset(reasons))


def _bands(name: str, lines: tuple[BandPolicy, ...]) -> tuple[Band, ...]:
    """The lines of a table, each day past due in exactly one of them. Raises BadPolicy."""
    if lines[0].from_dpd != 0:
        raise BadPolicy(f"{_FILE}: {name}: begins at {lines[0].from_dpd}, not at 0")
    for line, following in pairwise(lines):
        here = f"{_FILE}: {name}: {line.asset_class}"
        if line.to_dpd is None:
            raise BadPolicy(f"{here}: has no end, and {following.asset_class} comes after it")
        if line.to_dpd < line.from_dpd:
            raise BadPolicy(f"{here}: ends at {line.to_dpd}, before it begins at {line.from_dpd}")
        if following.from_dpd > line.to_dpd + 1:
            raise BadPolicy(f"{here}: {line.to_dpd + 1} to {following.from_dpd - 1} have no class")
        if following.from_dpd <= line.to_dpd:
            raise BadPolicy(f"{here}: {following.from_dpd} to {line.to_dpd} have two classes or more")
        if following.asset_class.rank <= line.asset_class.rank:
            raise BadPolicy(f"{here}: {following.asset_class} comes after it and is not worse")
    if lines[-1].to_dpd is not None:
        raise BadPolicy(f"{_FILE}: {name}: ends at {lines[-1].to_dpd}; the last line has no end")
    return tuple(Band(line.from_dpd, line.asset_class) for line in lines)

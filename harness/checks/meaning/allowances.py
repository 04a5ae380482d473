"""Read from allowances.toml which differences of meaning the upgrade steps are known to make."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness.checks.meaning.rules import RIGHTS, RULES, Change, Sections
from harness.common import cache as caches
from harness.releases import parse

FILE = Path(__file__).with_name("allowances.toml")
KINDS = ("changed", "new", "gone")


@dataclass(frozen=True)
class Upgrade:
    """An upgrade, as far as the allowances depend on it: releases and the steps that were applied."""

    origin: str
    target: str
    steps: tuple[str, ...]
    resorted: bool = False
    """Whether the server sorts text by other rules afterwards, for example after a step that converts tables."""


@dataclass(frozen=True)
class MeaningAllowance:
    """An allowed difference, caused by steps, by the code since a release, or by a new sort order (`resorted`).

    `always`: allowed in every upgrade, because it is a repair made in the new side's configuration.

    Patterns match whole sections, names, values.

    values: for a new or gone key, fields that it must have, with a pattern of each; texts: fields that leave RT as
    digests, with the text of each. rule: a name in RULES.
    """

    section: str
    kind: str
    reason: str
    steps: tuple[str, ...] = ()
    since: str = ""
    field: str = ""
    old: str = ".*"
    new: str = ".*"
    values: tuple[tuple[str, str], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    rule: str = ""
    resorted: bool = False
    always: bool = False

    def __post_init__(self) -> None:
        """Refuse an allowance that could never match. Raises ValueError."""
        if self.kind not in KINDS or (self.rule and self.rule not in RULES):
            raise ValueError(f"{FILE.name}: there is no kind {self.kind} or no rule {self.rule}")

    @property
    def origin(self) -> str:
        """Return the cause of the difference: a step, the code of a release, the server, or the site itself."""
        if self.resorted:
            return "another collation"
        if self.always:
            return "another configuration"
        return f"step {'/'.join(self.steps)}" if self.steps else f"code since {self.since}"

    def applies(self, path: Upgrade) -> bool:
        """Tell whether this upgrade applied one of the steps, passed the changed release, or needs neither."""
        if self.always:
            return True
        if self.resorted:
            return path.resorted
        if self.steps:
            return bool(set(self.steps) & set(path.steps))
        return parse(path.origin) < parse(self.since) <= parse(path.target)

    def covers(self, change: Change, before: Sections, resorted: bool = False) -> bool:
        """Tell whether this allowance covers a difference. resorted: as in `Upgrade`."""
        if self.rule and not RULES[self.rule](change, before, resorted):
            return False
        if change.kind != self.kind or not _all(self.section, change.section):
            return False
        if self.kind != "changed":
            there = change.new if self.kind == "new" else change.old
            alike = all(there.get(name) == caches.keyed_digest(text) for name, text in self.texts)
            return alike and all(name in there and _all(pattern, there[name]) for name, pattern in self.values)
        return _all(self.field, change.name) and _all(self.old, change.old) and _all(self.new, change.new)


@dataclass(frozen=True)
class Grant:
    """Rights that a step grants: to holders of another right on the same object, or to a group's members."""

    steps: tuple[str, ...]
    gained: frozenset[str]
    reason: str
    holding: str = ""
    privileged: bool = False

    def applies(self, change: Change, before: Sections) -> bool:
        """Tell whether this user is granted the rights on this object."""
        if self.holding:
            return self.holding in str(change.old or "").split()
        user = change.key if change.section == RIGHTS[0] else change.name
        return str(before.get("users", {}).get(user, {}).get("privileged", "")) == "1"


@dataclass(frozen=True)
class MeaningAllowances:
    """All allowances of the file."""

    rows: tuple[MeaningAllowance, ...]
    grants: tuple[Grant, ...]

    def covering(self, change: Change, upgrade: Upgrade, before: Sections) -> list[str]:
        """Return the reasons why this change is allowed after this upgrade; [] if it is not."""
        for row in self.rows:
            if row.applies(upgrade) and row.covers(change, before, upgrade.resorted):
                return [f"{row.origin}, {row.section}: {row.reason}"]
        granted = change.section in RIGHTS and change.kind == "changed"
        return self._granted(change, upgrade.steps, before) if granted else []

    def _granted(self, change: Change, steps: Sequence[str], before: Sections) -> list[str]:
        gained, lost = change.gained_and_lost()
        reasons: list[str] = []
        for grant in self.grants:
            if gained & grant.gained and set(grant.steps) & set(steps) and grant.applies(change, before):
                gained -= grant.gained
                reasons.append(f"step {'/'.join(grant.steps)}, rights: {grant.reason}")
        return [] if lost or gained else reasons


@cache
def read(path: Path = FILE) -> MeaningAllowances:
    """Read the file. Raises TypeError, KeyError or ValueError for a word it does not know."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    rows = [
        MeaningAllowance(
            **{
                **row,
                "steps": tuple(row.get("steps", ())),
                "values": tuple(row.get("values", {}).items()),
                "texts": tuple(row.get("texts", {}).items()),
            }
        )
        for row in data.get("allow", [])
    ]
    grants = [
        Grant(**{**row, "steps": tuple(row["steps"]), "gained": frozenset(row["gained"])})
        for row in data.get("grant", [])
    ]
    return MeaningAllowances(tuple(rows), tuple(grants))


def _all(pattern: str, value: Any) -> bool:
    return re.fullmatch(pattern, "" if value is None else str(value), re.DOTALL) is not None

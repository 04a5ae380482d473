"""Check that an upgrade ends in the same database by every path, directly or through the releases between.

Operators are told to do both, but a release is usually tried with one only. Rows are compared by content, data
frozen by Perl after thawing. Differences by design are listed in paths.toml, with reasons; no others are allowed.
"""

from __future__ import annotations

import time
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.checks import upgrade_path
from harness.checks.rows import allowances as known_allowances
from harness.checks.rows.comparison import Comparison, open_comparison
from harness.checks.rows.judge import shown
from harness.checks.schema import structure
from harness.checks.upgrade_path import UpgradePath
from harness.database import Database
from harness.database.digest import Digest, Key, Row, ask, fetch, rows_of_chunk
from harness.database.schema import Schema, quote
from harness.rt.thaw import Thawer
from harness.verdict import MOST_SAMPLES, Report

CHECK = "paths"
QUESTION = "Does the direct way end in the same database as the one through the releases between?"
REPAIR = "look at the difference on both ways, and upgrade by the one whose outcome is right for the site"
FILE = Path(__file__).with_name("paths.toml")
DIRECT, STEPWISE = "direct", "stepwise"
STAMP, HISTORY, NUMBER, ONLY = "stamp", "history", "number", "only"
_FIELDS = {STAMP: {"columns"}, HISTORY: {"columns", "where"}, NUMBER: set(), ONLY: {"side", "rows"}}


@dataclass(frozen=True)
class PathAllowance:
    """A difference that is no finding; paths.toml explains the fields."""

    kind: str
    tables: tuple[str, ...]
    reason: str
    columns: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict, hash=False)
    side: str = ""
    rows: str = ""

    def __str__(self) -> str:
        """Return the allowance in one line."""
        return f"{', '.join(self.tables)}, {self.kind}: {self.reason}"


def read(path: Path = FILE) -> list[PathAllowance]:
    """Read the allowances. Raises ValueError for a word that is not understood."""
    allowances = []
    for row in tomllib.loads(path.read_text(encoding="utf-8"))["allowance"]:
        if set(row) != {"kind", "tables", "reason"} | _FIELDS.get(row.get("kind"), {"a kind"}):
            raise ValueError(f"{path.name}: {row} is not understood")
        if row.get("side", DIRECT) not in (DIRECT, STEPWISE):
            raise ValueError(f"{path.name}: there is no side {row['side']}")
        lists: dict[str, Any] = {key: tuple(value) for key, value in row.items() if isinstance(value, list)}
        allowances.append(PathAllowance(**{**row, **lists}))
    return allowances


def check(
    direct: Database,
    stepwise: Database,
    thaw: Thawer,
    *,
    known: Mapping[str, Digest] | None = None,
    allowed: list[PathAllowance] | None = None,
) -> Report:
    """Compare two databases of one origin that were upgraded to one target. Nothing else may have written to them.

    known: the result of `comparison.digests` for the direct one.
    """
    started = time.monotonic()
    report = Report(CHECK, QUESTION, unit="rows", repair=REPAIR)
    allowed = read() if allowed is None else allowed
    rules = known_allowances.read()
    with open_comparison(direct, stepwise, rules, known or {}) as comparison:
        _structures(report, comparison.old, comparison.new)
        both = upgrade_path.read(direct, stepwise, thaw)
        for path, name in zip(both, (DIRECT, STEPWISE), strict=True):
            report.looked_at += len(path.steps)
            if path.trouble:
                report.find("RT::System", f"the history of the {name} way: {path.trouble}", sql=upgrade_path.SQL)
        used: Counter[PathAllowance] = Counter()
        for table in comparison.shapes:
            used += _Table(report, comparison, table, both, thaw).compare(allowed)
    report.allowed = [f"{count} x {one}" for one, count in used.items()]
    report.facts["allowances unused"] = [str(one) for one in allowed if not used[one]]
    report.out_of_scope += [f"{table}: {reason}" for table, reason in rules.excluded.items()]
    report.seconds = round(time.monotonic() - started, 3)
    return report


def _structures(report: Report, direct: Schema, stepwise: Schema) -> None:
    for one in structure.compare(stepwise, direct):
        what = one.sentence().replace("in a fresh install", "after the direct way")
        report.find(one.where, f"after the stepwise way {what}.", repair=f"{one.repair};" if one.repair else "")
    for name in sorted(set(stepwise.tables) - set(direct.tables)):
        report.find(name, "the table is there after the stepwise way only.")
    for name, table in direct.tables.items():
        other = stepwise.tables.get(name, table)
        if other.collation != table.collation:
            repair = structure.convert(other, table.collation)
            report.find(
                name,
                f"its collation is {table.collation}, after the stepwise way {other.collation}.",
                repair=repair and f"{repair};",
            )


class _Table:
    """The comparison of one table. Differing rows are few, and are held in memory until they are classified."""

    def __init__(
        self,
        report: Report,
        comparison: Comparison,
        name: str,
        both: tuple[UpgradePath, UpgradePath],
        thaw: Thawer,
    ) -> None:
        self.report, self.comparison, self.name, self.both, self.thaw = report, comparison, name, both, thaw
        self.of_kind: dict[str, list[PathAllowance]] = {kind: [] for kind in _FIELDS}
        self.frozen = known_allowances.read().storable.get(name)
        self.used: Counter[PathAllowance] = Counter()

    def compare(self, allowed: list[PathAllowance]) -> Counter[PathAllowance]:
        """Report differences that nothing allows. Return the allowances used, with the number of uses."""
        for one in allowed:
            if self.name in one.tables:
                self.of_kind[one.kind].append(one)
        digests = self.comparison.digests[self.name]
        self.report.looked_at += int(digests[0]["rows"])
        rows = self._differing(digests)
        plain = [
            {key: self._plain(row, way) for key, row in found.items()}
            for found, way in zip(rows, self.both, strict=True)
        ]
        equal = [key for key in plain[0] if plain[0][key] == plain[1].get(key)]
        left = [{key: row for key, row in side.items() if key not in equal} for side in plain]
        if self.of_kind[NUMBER]:
            self._renumbered(left)
        self._changed(left)
        for number, side in enumerate((DIRECT, STEPWISE)):
            self._only(side, left[number], left[1 - number])
        return self.used

    def _differing(self, digests: tuple[Digest, Digest]) -> list[dict[Key, Row]]:
        """Return the rows of each side that the other side lacks, or has with other content."""
        shapes, connections = self.comparison.shapes[self.name], (self.comparison.before, self.comparison.after)
        found: list[dict[Key, Row]] = [{}, {}]
        first, second = digests[0]["chunks"], digests[1]["chunks"]
        for chunk in {**first, **second}:
            if first.get(chunk) == second.get(chunk):
                continue
            sums = [
                rows_of_chunk(connection, shape, chunk)
                for connection, shape in zip(connections, shapes, strict=True)
            ]
            for number in (0, 1):
                mine, others = sums[number], sums[1 - number]
                keys = [key for key in mine if mine[key] != others.get(key)]
                if not shapes[number].key:
                    found[number].update({key: {"row": key[0]} for key in keys})
                elif keys:
                    found[number].update(fetch(connections[number], shapes[number], keys))
        return found

    def _plain(self, row: Row, way: UpgradePath) -> dict[str, Any]:
        """Return a row without what the upgrade generates: stamps, history, the order of Perl's keys."""
        made: dict[str, Any] = dict(row)
        if self.frozen and row.get(self.frozen[1]) == self.frozen[2]:
            made[self.frozen[0]] = self.thaw.value(row[self.frozen[0]] or "")
        for one in self.of_kind[HISTORY]:
            if all(row.get(column) == value for column, value in one.where.items()):
                made.update(dict.fromkeys(one.columns, (way.before, way.steps)))
                self.used[one] += 1
        for one in self.of_kind[STAMP]:
            for column in one.columns:
                if column in row and way.within(row[column]):
                    made[column] = upgrade_path.DURING
                    self.used[one] += 1
        return made

    def _renumbered(self, left: list[dict[Key, dict[str, Any]]]) -> None:
        """Remove rows that both paths have made alike under other keys."""
        key = self.comparison.shapes[self.name][0].key

        def content(row: dict[str, Any]) -> str:
            return repr([(column, row[column]) for column in sorted(row) if column not in key])

        made = [
            {k: content(row) for k, row in side.items() if row.get("Created") == upgrade_path.DURING}
            for side in left
        ]
        common = Counter(made[0].values()) & Counter(made[1].values())
        self.used[self.of_kind[NUMBER][0]] += common.total()
        for number in (0, 1):
            open_pairs = common.copy()
            for one, text in made[number].items():
                if open_pairs[text] > 0:
                    open_pairs[text] -= 1
                    del left[number][one]

    def _changed(self, left: list[dict[Key, dict[str, Any]]]) -> None:
        """Report rows that both paths have with other content. Two new rows with one number are no such pair."""
        by_columns: dict[str, list[Key]] = {}
        for key in [one for one in left[0] if one in left[1]]:
            if self.of_kind[NUMBER] and all(side[key].get("Created") == upgrade_path.DURING for side in left):
                continue
            one, other = left[0].pop(key), left[1].pop(key)
            columns = ", ".join(column for column in one if one[column] != other[column])
            by_columns.setdefault(columns, []).append(key)
        for columns, keys in by_columns.items():
            self._find(f"{len(keys)} rows differ in {columns}.", keys)

    def _only(self, side: str, mine: dict[Key, dict[str, Any]], others: dict[Key, dict[str, Any]]) -> None:
        """Report rows that exist after one path only."""
        keys = list(mine)
        for one in self.of_kind[ONLY]:
            if keys and one.side == side:
                connection = self.comparison.before if side == DIRECT else self.comparison.after
                expected = {(str(row[0]),) for row in ask(connection, one.rows)}
                ours = [key for key in keys if key in expected and mine[key].get("Created") == upgrade_path.DURING]
                self.used[one] += len(ours)
                keys = [key for key in keys if key not in ours]
        if keys:
            other = f"; the other way has {len(others)} of its own" if others else ""
            self._find(f"{len(keys)} rows are there after the {side} way only{other}.", keys)

    def _find(self, what: str, keys: list[Key]) -> None:
        shape = self.comparison.shapes[self.name][0]
        key = ", ".join(shape.key)
        samples = [shown(one, shape.counted) for one in keys[:MOST_SAMPLES]]
        numbers = all(one.lstrip("-").isdigit() for one in samples)
        sql = f"SELECT * FROM {quote(self.name)} WHERE {key} IN ({', '.join(samples)})"
        self.report.find(
            self.name, what, samples=tuple(f"{key or 'row'} {one}" for one in samples), sql=sql if numbers else ""
        )

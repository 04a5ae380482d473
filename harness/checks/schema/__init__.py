"""Check that the upgraded database has the structure of a fresh install of the target on the same server.

Differences that a step is known to leave are data, in allowances.toml. An allowance applies if its step was
applied, or if the difference existed before the upgrade: a site upgraded in the past keeps them.

A site of twenty years has more differences than any list: an extra index, a default, a NOT NULL of an early
release. A difference that was exactly the same before the upgrade, and that no applied step mentions, is the
site's own and harmless. So are a column that the site has added, unless RT could not insert rows without it, and
one that it has widened. So is the collation of a table that is not RT's, if it differed from RT's before as well.

`structure` compares two structures; `width` and `wider_columns` tell columns that hold more, `longer_indexes`
indexes that do the work of a missing one. `kept` compares what is the site's own with what it was, `step_mentions`
finds what the steps mention. `views` and `triggers` are tried, and `absorbed` looks for data of extensions that
nobody has copied yet.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.checks.rows import allowances as row_allowances
from harness.checks.schema import kept, longer_indexes, wider_columns
from harness.checks.schema.step_mentions import StepMentions
from harness.checks.schema.structure import CALLED, Difference, compare, convert
from harness.database.schema import Index, Schema, charset_of, quote
from harness.verdict import Report

CHECK = "schema"
QUESTION = "Is the schema that of a fresh install of the target on the same server?"
REPAIR = (
    "compare the table with that of a fresh install of the target, and make it alike on an upgraded copy first"
)
ALLOWANCES = Path(__file__).with_name("allowances.toml")
BROUGHT = "it was exactly so before the upgrade, and no step applied speaks of it"
APART = "collations of the site's own, as before the upgrade"
_FACTS = {"step", "aspect", "fresh", "found", "tables", "columns", "reason"}


@dataclass(frozen=True)
class SchemaAllowance:
    """A difference that `step` leaves: an aspect with its two values, on the tables or columns named.

    tables: for differences of whole tables and of keys. columns: "Table.column". fresh, found: None for any.
    """

    step: str
    aspect: str
    reason: str
    fresh: str | None = None
    found: str | None = None
    tables: tuple[str, ...] = ()
    columns: tuple[str, ...] = field(default=(), repr=False)

    def covers(self, difference: Difference) -> bool:
        """Tell whether this is the difference meant; the names of indexes are ignored."""
        found = difference.found.partition(CALLED)[0]
        place = difference.where in self.columns if self.columns else difference.table in self.tables
        return (
            place
            and self.aspect == difference.aspect
            and self.fresh in (None, difference.fresh)
            and self.found in (None, found)
        )

    def __str__(self) -> str:
        """Return step and aspect with the values."""
        values = f" {self.fresh} -> {self.found}" if self.found else ""
        step = f"step {self.step}" if self.step else "brought along"
        return f"{step}, {self.aspect}{values}: {self.reason}"


def allowances(path: Path = ALLOWANCES) -> list[SchemaAllowance]:
    """Read the allowances. Raises ValueError for an unknown key, so that a typo allows nothing."""
    found = []
    for row in tomllib.loads(path.read_text(encoding="utf-8"))["allowance"]:
        if unknown := set(row) - _FACTS:
            raise ValueError(f"{path.name}: unknown {', '.join(sorted(unknown))} in {row}")
        found.append(SchemaAllowance(**{key: _frozen(value) for key, value in row.items()}))
    return found


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def check(
    upgraded: Schema,
    fresh: Schema,
    steps: Sequence[str] = (),
    before: Schema | None = None,
    known: Iterable[SchemaAllowance] | None = None,
    *,
    mentions: StepMentions | None = None,
) -> Report:
    """Compare an upgraded schema with that of a fresh install.

    steps: those applied; mentions: what they mention. before: the schema before the upgrade. Without the last two,
    the site's own differences are not told from those that the upgrade left, nor its own tables from stray ones.
    """
    report = Report(
        CHECK, QUESTION, looked_at=_size(upgraded), unit="columns, indexes and foreign keys", repair=REPAIR
    )
    rules = allowances() if known is None else list(known)
    old = set(compare(before, fresh)) if before else set()
    used: dict[tuple[str, SchemaAllowance], list[str]] = {}
    differences = [*compare(upgraded, fresh), *_collations(upgraded, fresh)]
    longer = longer_indexes.accepted(differences, upgraded, fresh, before, mentions) if before else set()
    for one in differences:
        if before and _collated_before(one, before, upgraded, fresh):
            report.facts.setdefault(APART, []).append(f"{one.where}: {one.found}")
            continue
        covering = [rule for rule in rules if rule.covers(one) and (rule.step in steps or one in old)]
        if not covering and one in longer:
            covering = [SchemaAllowance("", one.aspect, longer_indexes.REASON)]
        if not covering and one in old and mentions and _of_its_own(one, upgraded, mentions):
            covering = [SchemaAllowance("", one.aspect, BROUGHT)]
        if not covering and before and (why := wider_columns.reason(one, before, upgraded, fresh, mentions)):
            covering = [SchemaAllowance("", one.aspect, why)]
        if covering:
            used.setdefault((one.sentence(), covering[0]), []).append(one.where)
        else:
            report.find(
                one.where,
                one.sentence() + ".",
                repair=wider_columns.repair(one, before, upgraded),
                sql=_show(one),
            )
    report.allowed += [f"{', '.join(places)}: {what} ({rule})" for (what, rule), places in used.items()]
    _foreign_tables(report, upgraded, fresh, before)
    if before:
        kept.judge(report, before, upgraded, fresh, mentions)
    seen = {rule for _, rule in used}
    report.facts["allowances unused"] = [str(rule) for rule in rules if rule.step in steps and rule not in seen]
    report.facts["collations"] = dict(Counter(table.collation for table in upgraded.tables.values()))
    return report


def _of_its_own(difference: Difference, upgraded: Schema, mentions: StepMentions) -> bool:
    """Tell whether a difference that existed before is harmless and not one that a step was to change."""
    table = difference.table
    if difference.aspect in ("default", "nullable"):
        return not mentions.include(table, difference.name)
    if difference.aspect in ("charset", "table charset"):
        return table in row_allowances.read().excluded and not mentions.include(table, "CHARACTER")
    if difference.aspect == "engine":
        return table in row_allowances.read().excluded and not mentions.include(table, "ENGINE")
    if difference.aspect not in ("index extra", "index duplicate"):
        return False
    signature = difference.found.partition(CALLED)[0]
    return not any(
        index.unique or mentions.include(table, index.name) or mentions.include(table, *_columns(index))
        for index in upgraded.tables[table].indexes
        if index.signature == signature
    )


def _columns(index: Index) -> list[str]:
    return [column.partition("(")[0] for column in index.columns]


def _size(schema: Schema) -> int:
    return sum(len(t.columns) + len(t.indexes) + len(t.foreign_keys) for t in schema.tables.values())


def _show(difference: Difference) -> str:
    return f"SHOW CREATE TABLE `{difference.table}`"


def _collations(upgraded: Schema, fresh: Schema) -> list[Difference]:
    """Return the tables whose collation is not that of most of RT's tables of their character set.

    Mixed collations are left by an interrupted conversion, and joins across them fail. A table of the site's own
    should have the character set of most of RT's tables.
    """
    usual = _usual(upgraded, fresh)
    if not usual:
        return []
    found = []
    for name, table in upgraded.tables.items():
        foreign = name not in fresh.tables
        if table.collation != usual and (foreign or table.charset == charset_of(usual)):
            repair = convert(table, usual)
            found.append(Difference("table collation", name, "", usual, table.collation, repair))
        for column in table.columns.values():
            same_set = column.charset and column.charset == charset_of(usual)
            if foreign and table.collation == usual and same_set and column.collation != usual:
                repair = convert(table, usual)
                found.append(Difference("collation", name, column.name, usual, column.collation, repair))
    return found


def _usual(schema: Schema, fresh: Schema) -> str:
    """Return the collation that most of RT's tables have, "" if there are none."""
    ours = Counter(table.collation for name, table in schema.tables.items() if name in fresh.tables)
    return ours.most_common(1)[0][0] if ours else ""


def _collated_before(difference: Difference, before: Schema, upgraded: Schema, fresh: Schema) -> bool:
    """Tell whether a table not RT's, or one that sites recreate, had this collation before, unlike RT's tables.

    Users who join with it have known that for years. One that was like RT's tables and no longer is was left
    behind. One in the character set that RT's tables were converted to can no longer be joined, although it could
    be before: a server reconciles two character sets if one contains the other, but not two collations of one set.
    """
    name = difference.table
    own = name not in fresh.tables or name in row_allowances.read().excluded
    if difference.aspect not in ("table collation", "collation") or not own or name not in before.tables:
        return False
    table = before.tables[name]
    thing = table.columns.get(difference.name) if difference.name else table
    if thing is None or difference.found != thing.collation or thing.collation == _usual(before, fresh):
        return False
    now = _usual(upgraded, fresh)
    return now == _usual(before, fresh) or charset_of(thing.collation) != charset_of(now)


def _foreign_tables(report: Report, upgraded: Schema, fresh: Schema, before: Schema | None) -> None:
    """List the site's own tables, check what applies to any table, and report those of unknown origin."""
    for name in sorted(set(upgraded.tables) - set(fresh.tables)):
        table = upgraded.tables[name]
        if before is not None and name not in before.tables:
            report.find(
                name,
                "the table is neither in the old database nor in a fresh install.",
                repair="find out on a copy what made it, and drop it only if nobody needs what is in it",
                sql=f"SHOW CREATE TABLE {quote(name)}",
            )
            continue
        known = "it was compared with what it was before" if before else "only engine and collation were looked at"
        report.out_of_scope.append(f"{name}: the site's own table; {known}")
        if table.engine == "InnoDB":
            continue
        if before is not None and before.tables[name].engine == table.engine:
            # RT's own tool creates its full-text table this way on older servers; no step causes it.
            report.facts.setdefault("tables that were not InnoDB before", []).append(f"{name}: {table.engine}")
        else:
            what = f"the engine is {table.engine}: no transactions, and a dump of it is not consistent."
            repair = f"ALTER TABLE `{name}` ENGINE=InnoDB;"
            report.find(name, what, repair=repair, sql=f"SHOW CREATE TABLE `{name}`")
    lost = sorted(set(before.tables) - set(upgraded.tables) - set(fresh.tables)) if before else []
    for name in lost:
        report.find(name, "the table was in the old database and is gone.", repair="restore it from the backup")

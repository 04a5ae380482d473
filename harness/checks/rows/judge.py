"""Judge the differing rows of one table: find the allowance that explains each, or report it as unexplained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.checks.rows.allowances import ADDED, CHANGED, REMOVED, Matcher, RowAllowance, RowAllowances
from harness.checks.rows.context import Cell, Context
from harness.checks.rows.unreadable import UNREADABLE, words
from harness.common import cache
from harness.database.digest import Key, Row
from harness.verdict import MOST_SAMPLES

UNEXPLAINED, FILLED = "unexplained", "filled by a trigger"


@dataclass
class Unexplained:
    """Rows with the same complaint: their number, and the keys of the first few."""

    count: int = 0
    samples: list[str] = field(default_factory=list)

    def add(self, sample: str) -> None:
        """Count one more row."""
        self.count += 1
        if len(self.samples) < MOST_SAMPLES:
            self.samples.append(sample)


@dataclass
class Judge:
    """Judges one table. Rows are passed one by one; only counts and samples are kept."""

    table: str
    context: Context
    allowances: RowAllowances
    active: Sequence[RowAllowance]
    counted: Sequence[bool] = ()
    """For each part of the key whether it is a number, and may be shown."""
    filled_by: Sequence[str] = ()
    """The site's own triggers that add rows to this table of its own while the upgrade is run."""
    perhaps_filled_by: Sequence[str] = ()
    """Those that may have added rows, although nothing shows it."""
    wrong: dict[str, Unexplained] = field(default_factory=dict)
    used: Counter[RowAllowance] = field(default_factory=Counter)
    tally: Counter[str] = field(default_factory=Counter)
    unreadable: dict[str, Unexplained] = field(default_factory=dict)
    """Rows that no rule could read, by reason."""
    _expected: dict[RowAllowance, tuple[Sequence[str], Counter[tuple[str | None, ...]]]] = field(
        default_factory=dict
    )

    @property
    def frozen(self) -> tuple[str, str, str] | None:
        """Return the columns of frozen content and of its type, and the type that marks content as frozen."""
        return self.allowances.storable.get(self.table)

    def prepare(self, rows: Iterable[Row]) -> None:
        """Thaw the frozen content of these rows in one batch: each call of the container costs 0.1 s."""
        if self.frozen:
            column, type_column, name = self.frozen
            self.context.thaw.load(row[column] or "" for row in rows if row.get(type_column) == name)

    def added(self, key: Key, row: Row) -> None:
        """Judge a row that only the upgraded database has."""
        self._one_sided(ADDED, key, {}, row)

    def removed(self, key: Key, row: Row) -> None:
        """Judge a row that only the old database has."""
        self._one_sided(REMOVED, key, row, {})

    def _one_sided(self, change: str, key: Key, old: Row, new: Row) -> None:
        self.tally[change] += 1
        complaint = ""
        try:
            for allowance in self._candidates(change, old, new):
                found = self._complaint_of(allowance, old, new)
                if not found:
                    self._use(allowance, new or old)
                    return
                complaint = complaint or f"{change} by {allowance.step}, but {found}"
        except UNREADABLE as error:
            self._open(error, key)
            return
        self._unexplained(change, complaint, key)

    def _candidates(self, change: str, old: Row, new: Row) -> list[RowAllowance]:
        """Return the allowances whose description matches the row."""
        return [
            one
            for one in self.active
            if one.change == change
            and not self._first_complaint(one.where, old, new)
            and self._is_expected(one, new or old)
        ]

    def _first_complaint(self, matchers: Mapping[str, Matcher], old: Row, new: Row) -> str | None:
        for column, matcher in matchers.items():
            if complaint := matcher(Cell(self.context, column, old, new)):
                return complaint
        return None

    def _expectation(self, allowance: RowAllowance) -> tuple[Sequence[str], Counter[tuple[str | None, ...]]]:
        if allowance not in self._expected:
            self._expected[allowance] = self.context.tuples(allowance.on, allowance.expect)
        return self._expected[allowance]

    def _is_expected(self, allowance: RowAllowance, row: Row) -> bool:
        if not allowance.expect:
            return True
        names, left = self._expectation(allowance)
        return bool(names) and left[tuple(row[name] for name in names)] > 0

    def _use(self, allowance: RowAllowance, row: Row) -> None:
        self.used[allowance] += 1
        if allowance.expect:
            names, left = self._expectation(allowance)
            left[tuple(row[name] for name in names)] -= 1

    def _complaint_of(self, allowance: RowAllowance, old: Row, new: Row) -> str | None:
        """Check every column of an added or removed row: described, expected, judged, or equal to the default."""
        if complaint := self._first_complaint(allowance.columns, old, new):
            return complaint
        if not new:
            return None
        names = self._expectation(allowance)[0] if allowance.expect else ()
        open_columns = [
            c for c in new if c not in allowance.columns and c not in allowance.where and c not in names
        ]
        for column in open_columns:
            judge = self.allowances.defaults.get(column)
            if judge is None and new[column] is not None:
                return f"nothing says what {column} should hold"
            if judge and (complaint := judge(Cell(self.context, column, old, new))):
                return complaint
        return None

    def changed(self, key: Key, old: Row, new: Row) -> None:
        """Judge a row that both have, with different content."""
        try:
            self._changed(key, old, new)
        except UNREADABLE as error:
            self._open(error, key)

    def _open(self, error: Exception, key: Key) -> None:
        self.unreadable.setdefault(words(error), Unexplained()).add(shown(key, self.counted))

    def _changed(self, key: Key, old: Row, new: Row) -> None:
        columns = [name for name in old if old[name] != new[name]]
        columns = [name for name in columns if not self._thaws_alike(name, old, new)]
        if not columns:
            self.tally["frozen anew"] += 1
            return
        self.tally[CHANGED] += 1
        mine = [one for one in self.active if one.change == CHANGED]
        matching = [one for one in mine if not self._first_complaint(one.where, old, {})]
        complaints: list[str] = []
        used: set[RowAllowance] = set()
        for column in columns:
            judging = [(one, one.columns[column]) for one in matching if column in one.columns]
            answers = [(one, judge(Cell(self.context, column, old, new))) for one, judge in judging]
            accepting = [one for one, answer in answers if answer is None]
            if accepting:
                used.add(accepting[0])
            elif answers:
                one, answer = answers[0]
                complaints.append(f"changed by {one.step}, but {answer}")
        self.used.update(used)
        explained = {c for one in matching for c in one.columns}
        if unknown := [column for column in columns if column not in explained]:
            complaints.append(f"changed in {', '.join(unknown)}, and no step accounts for it")
        self.blame(complaints, key)

    def _thaws_alike(self, column: str, old: Row, new: Row) -> bool:
        """Tell whether frozen content differs in bytes only: Perl freezes equal data in any order of keys."""
        if not self.frozen:
            return False
        frozen, type_column, name = self.frozen
        if column != frozen or not old.get(type_column) == new.get(type_column) == name:
            return False
        first, second = (self.context.thaw.value(row[column] or "") for row in (old, new))
        return bool(first == second)

    def nameless(self, change: str, key: Key) -> None:
        """Note an added or removed row of a table without a primary key: no allowance covers such tables."""
        self.tally[change] += 1
        self._unexplained(change, "", key)

    def _unexplained(self, change: str, complaint: str, key: Key) -> None:
        if change == ADDED and self.filled_by:
            self.tally[FILLED] += 1
        else:
            self.blame([complaint or f"{change}, and no step accounts for it"], key)

    def blame(self, complaints: Sequence[str], key: Key) -> None:
        """Note the complaints about a row; none mean that the row is accounted for."""
        self.tally[UNEXPLAINED] += bool(complaints)
        for what in complaints:
            self.wrong.setdefault(what, Unexplained()).add(shown(key, self.counted))


def shown(key: Key, counted: Sequence[bool]) -> str:
    """Return a key fit to be printed: numbers unchanged, text (which may be personal) as a keyed digest.

    counted: for each part, whether its column is one of numbers; a text of digits may be somebody's telephone.
    """
    numbers = [*counted, *[False] * len(key)]
    parts = zip(key, numbers, strict=False)
    return ", ".join(part if number else f"digest:{cache.keyed_digest(part)}" for part, number in parts)

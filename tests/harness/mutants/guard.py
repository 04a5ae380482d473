"""Define databases that a release must not serve, made from a good one by changes to the history or the tables."""

from __future__ import annotations

from dataclasses import dataclass

from harness.upgrade.guard import HALF_WAY, NEWER, OLDER
from tests.harness.mutants.planting import RowMutant
from tests.harness.mutants.schema import SchemaMutant

ORIGIN, TARGET = "4.4.6", "5.0.10"
_HISTORY = "Name = 'UpgradeHistory' AND ObjectType = 'RT::System'"
_FULL = "($_->{type} // '') eq 'full upgrade'"
_WITHOUT_END = (
    "$value->{RT} = [ grep { $_->{stage} ne 'after' or $_->{individual_id} ne $it } @{ $value->{RT} } ];"
)
_LAST = "my $last = (grep { ($_->{type} // '') eq 'individual upgrade' } @{ $value->{RT} })[-1];"


@dataclass(frozen=True)
class InHistory(RowMutant):
    """A defect of the history. asked: the release whose guard must detect it.

    code: the guard's expected exit code.
    """

    asked: str = TARGET
    code: int = HALF_WAY


@dataclass(frozen=True)
class InTables(SchemaMutant):
    """A defect of a table, with the statement that reverts it."""

    code: int = OLDER
    undo: str = ""


def _history(name: str, perl: str, reason: str, code: int = HALF_WAY) -> InHistory:
    return InHistory(name, "guard", reason, (), "Attributes", _HISTORY, perl, code=code)


def _table(name: str, table: str, changes: tuple[str, str], reason: str, code: int = OLDER) -> InTables:
    """Return a defect of a table. changes: one that makes it and one that reverts it."""
    there, back = (f"ALTER TABLE {table} {one}" for one in changes)
    return InTables(name, "guard", reason, (there,), table, code, back)


HISTORIES = (
    _history(
        "never-ended",
        f"my ($it) = map {{ $_->{{individual_id}} }} grep {{ {_FULL} }} @{{ $value->{{RT}} }};" + _WITHOUT_END,
        "the upgrade was killed in its last step",
    ),
    _history(
        "step-never-ended",
        _LAST
        + " my $it = $last->{individual_id};"
        + _WITHOUT_END
        + f" $value->{{RT}} = [ grep {{ not({_FULL}) }} @{{ $value->{{RT}} }} ];",
        "a step was killed, and somebody has taken the whole upgrade out of the history",
    ),
    _history(
        "step-of-a-later-release",
        _LAST + " push @{ $value->{RT} }, { %$last, individual_id => 'x',"
        " to => '9.0.0' }, { stage => 'after', individual_id => 'x' };",
        "a later release has been here",
        NEWER,
    ),
)
NO_HISTORY = InHistory(
    "old-code-without-a-history",
    "guard",
    "the tables alone must keep old code away",
    (f"DELETE FROM Attributes WHERE {_HISTORY}",),
    "Attributes",
    asked=ORIGIN,
    code=NEWER,
)
TABLES = (
    _table(
        "half-converted",
        "Catalogs",
        ("CONVERT TO CHARACTER SET utf8mb3", "CONVERT TO CHARACTER SET utf8mb4"),
        "the conversion stopped half way",
        HALF_WAY,
    ),
    _table(
        "too-narrow",
        "Attachments",
        ("MODIFY TransactionId INT NOT NULL", "MODIFY TransactionId BIGINT NOT NULL"),
        "a table restored from before the step that widens it",
    ),
    _table(
        "column-lost",
        "CustomRoles",
        ("DROP COLUMN LookupType", "ADD COLUMN LookupType VARCHAR(255)"),
        "a table restored from before the step that adds it",
    ),
    _table(
        "column-of-later",
        "Queues",
        ("ADD COLUMN Planted INT NULL", "DROP COLUMN Planted"),
        "a later release has been here, and its history was lost",
        NEWER,
    ),
    InTables(
        "table-lost",
        "guard",
        "a table that the code writes to is not there",
        ("RENAME TABLE Shorteners TO Gone",),
        "Shorteners",
        undo="RENAME TABLE Gone TO Shorteners",
    ),
)
VERSIONED = _table(
    "versioned",
    "Links",
    ("ADD SYSTEM VERSIONING", "DROP SYSTEM VERSIONING"),
    "MariaDB keeps the history of a table whose site wants that; it is RT's table all the same",
    0,
)
"""No defect: it must be served."""
_BEGUN = (
    "push @{ $value->{RT} }, { type => 'full upgrade', action => 'upgrade', stage => 'before',"
    " individual_id => 'x', from => '1.0.0', to => '9.0.0', versions => ['9.0.0'] };"
)
_STEP = (
    "push @{ $value->{RT} }, { type => 'individual upgrade', action => 'upgrade', stage => 'before',"
    " individual_id => 'y', from => '8.0.0', to => '9.0.0' }, { type => 'individual upgrade',"
    " stage => 'after', individual_id => 'y', return_value => [1] };"
)
UNDER_A_RUNNING_INSTANCE: tuple[tuple[RowMutant | InTables, str], ...] = (
    (
        _history("upgrade-begins", _BEGUN, "an upgrade has just begun"),
        "begun and is not completed: the upgrade from 1.0.0 to 9.0.0",
    ),
    (
        RowMutant(
            "history-goes",
            "fence",
            "another database was put into its place",
            (f"DELETE FROM Attributes WHERE {_HISTORY}",),
            "Attributes",
        ),
        "lost its upgrade history",
    ),
    (_history("upgrade-is-over", _STEP, "an upgrade has been here", NEWER), "step 9.0.0, which RT"),
    (
        InTables(
            "table-goes",
            "fence",
            "a restored dump drops the tables first",
            ("RENAME TABLE Attributes TO Gone",),
            "Attributes",
            undo="RENAME TABLE Gone TO Attributes",
        ),
        "lost its upgrade history",
    ),
)
"""Events that may happen to a database while an instance serves it, each with the reason that the fence must give.

No two neighbours have the same reason, so that the effect of one is not taken for the next.
"""
HARMLESS_EVENTS = _history(
    "data-inserted",
    "push @{ $value->{RT} }, { type => 'insert', action => 'insert', stage => 'before',"
    " filename => '/srv/queue', individual_id => 'x' }, { type => 'insert', stage => 'after',"
    " individual_id => 'x', return_value => [1] }; push @{ $value->{'RT-Extension-Example'} },"
    " { type => 'full upgrade', action => 'upgrade', stage => 'before', individual_id => 'y', from => '0.1',"
    " to => '0.2', versions => ['0.2'] };",
    "the schema is what it was",
    0,
)
"""Entries that say nothing about RT's schema."""

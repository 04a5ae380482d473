"""Attachments whose transaction is gone."""

from __future__ import annotations

from tests.harness.mutants import Mutant

_LAST = "(SELECT * FROM (SELECT MAX(TransactionId) FROM Attachments) AS last)"
MUTANTS = (
    Mutant(
        "transaction-gone",
        "parentage",
        "the mail is there and nobody can read it",
        (f"DELETE FROM Transactions WHERE id = {_LAST}",),
    ),
    Mutant(
        "moved-to-nowhere",
        "parentage",
        "an attachment of a transaction that never existed",
        ("UPDATE Attachments SET TransactionId = 999999 ORDER BY id DESC LIMIT 1",),
    ),
    Mutant(
        "moved-to-zero",
        "parentage",
        "the result of a failed conversion of a key",
        ("UPDATE Attachments SET TransactionId = 0 ORDER BY id DESC LIMIT 1",),
    ),
    Mutant(
        "cut-to-a-byte",
        "parentage",
        "the result of a key of too small a type",
        ("UPDATE Attachments SET TransactionId = -128 ORDER BY id DESC LIMIT 1",),
    ),
    Mutant(
        "added-to-nothing",
        "parentage",
        "an attachment that never belonged to anything",
        ("INSERT INTO Attachments (TransactionId, Parent, Creator) VALUES (999999, 0, 1)",),
    ),
)

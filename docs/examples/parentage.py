"""Does every attachment belong to a transaction that exists?"""

from __future__ import annotations

from harness.database import Database
from harness.verdict import Report

CHECK = "parentage"
QUESTION = "Does every attachment belong to a transaction that exists?"
REPAIR = "look for the transactions in the backup"
SQL = """
SELECT a.id FROM Attachments a LEFT JOIN Transactions t ON t.id = a.TransactionId
WHERE t.id IS NULL ORDER BY a.id"""


def check(after: Database) -> Report:
    """Look at all attachments of the upgraded database."""
    report = Report(CHECK, QUESTION, unit="attachments", repair=REPAIR)
    report.looked_at = int(after.value("SELECT COUNT(*) FROM Attachments"))
    lost = after.rows(SQL)
    if lost:
        report.find(
            "Attachments",
            f"{len(lost)} of {report.looked_at} belong to no transaction",
            samples=tuple(f"id {identity}" for (identity,) in lost),
            sql=SQL.strip(),
        )
    return report

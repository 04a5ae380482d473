"""Build invented runs, for tests and for viewing: GO, NO-GO, NOT PROVEN.

`python -m tests.harness.report.examples DIRECTORY` writes their reports.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

from harness.common.plan import Status, Step
from harness.report import RunFacts, StepFact, before, write
from harness.report.document import Document
from harness.verdict import Accepted, Finding, Outcome, Report
from tests.harness.report.example_run import BEFORE, LOGS, PASSAGES, STEPS, facts, plan, timeline

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\x1b[31m\x00\u202e"
LONG = "0123456789abcdef" * 200

REPAIR = "look at the samples on a copy, and mend the cause there before you upgrade the site"
CHECKS = {
    "log": ("Did the upgrade say anything that it should not have said?", 1284, "lines"),
    "history": ("Was every step begun, closed, and recorded in the database?", 14, "steps"),
    "schema": ("Is the schema that of a fresh installation of the target?", 412, "columns, keys and options"),
    "rows": ("Is every row of every table still there, changed only where a step may change it?", 48310, "rows"),
    "validator": ("Does RT's own validator find nothing new?", 27, "rules"),
    "readback": ("Does the application tell the same over REST as before?", 612, "objects"),
    "attachments": ("Can every attachment be downloaded byte for byte?", 318, "attachments"),
    "rights": ("May everybody do exactly what they could do before?", 9406, "answers"),
    "deploy": ("Is the release live and healthy on every instance?", 3, "instances"),
}


def reports(*without: str) -> list[Report]:
    """Return clean reports of all checks except the named ones."""
    return [
        Report(name, question, looked_at=amount, unit=unit, seconds=round(0.07 * len(question), 2), repair=REPAIR)
        for name, (question, amount, unit) in CHECKS.items()
        if name not in without
    ]


def go() -> Document:
    """Return a clean run with two accepted findings."""
    done = reports()
    done[2].allowed = ["Attributes.Content: utf8mb4 instead of ascii, because step 4.5.2 converts whole tables"]
    done[1].facts = {before.KNOWING: BEFORE, before.PASSAGES: PASSAGES, "to do by hand": BEFORE[2]["items"]}
    done[3].out_of_scope = ["sessions: empty on purpose after an upgrade"]
    found = Finding("schema", "Attachments", "index Attachments3 is missing", repair="CREATE INDEX ...;")
    other = Finding("validator", "CachedGroupMembers", "1 record has no parent", ("id 4711",))
    signed = [
        Accepted(found, "J. Example, service owner", "dropped in 2019 for the nightly job", date(2027, 3, 31)),
        Accepted(other, "J. Example, service owner", "known since 4.2, harmless", date(2027, 1, 15)),
    ]
    remarks = ["The acceptance at accepted.toml:12 fits no finding of this run: [rows] ACL: 3 rows"]
    outcome = Outcome(done, [], tuple(CHECKS), signed, remarks)
    events = timeline()
    return Document(
        facts("2026-11-22T1804-go", facts={**facts("x").facts, "timeline": events}), outcome, plan(), LOGS
    )


FIGURES = {
    "kills": "12",
    "writes sent": "240",
    "acknowledged": "231",
    "lost": "0",
    "changed": "0",
    "duplicated": "0",
    "sessions lost": "1",
    "longest gap": "3.2 s",
}


def kills() -> Document:
    """Return a clean test of kills: nothing was upgraded."""
    done = [
        Report("acknowledged", "Is every write there as sent?", looked_at=231, unit="writes", seconds=0.4),
        reports()[4],
    ]
    done[0].allowed = ["a session ended at 21.00 s: its last request was cut off (1 may end so in 12 kills)"]
    events = {"timeline": timeline()}
    made = RunFacts(
        "kills-ab12cd",
        "RT 5.0.3, 3 instances",
        "mariadb-10.11",
        seconds=61.3,
        command=".venv/bin/python -m pytest tests/deploy/test_rt_kills.py --kill-seconds 60",
        facts=events,
        trial="Kill test",
        figures=FIGURES,
    )
    return Document(
        made, Outcome(done), Step("12 kills, 2 checks", status=Status.DONE, seconds=61.3, start=0.0), LOGS
    )


def no_go() -> Document:
    """Return a run with many findings, some of them hostile, very long, or very wide."""
    done = {report.check: report for report in reports()}
    done["rows"].find(
        "Tickets",
        "12 of 48,310 rows are gone",
        samples=("1041", "1042", "1077", "1102"),
        sql="SELECT id, Subject, LastUpdated\n  FROM Tickets\n WHERE id IN (1041, 1042, 1077, 1102);",
        blocks=(("Before", "id    EffectiveId  Queue\n1041  1041         3\n1042  1041         3"),),
    )
    done["rows"].find("Attributes", "3 rows changed that no step is known to change", samples=("88", "91", "104"))
    done["schema"].find(
        "Attachments",
        "the index Attachments3 of a fresh 5.0.3 is missing",
        repair="CREATE INDEX Attachments3 ON Attachments (Parent, TransactionId);",
        blocks=(("Difference", "- KEY `Attachments3` (`Parent`,`TransactionId`)\n+"),),
    )
    done["schema"].find("Users", "the collation is utf8mb4_uca1400_ai_ci, of 31 other tables utf8mb4_general_ci")
    for ticket in range(11):
        done["readback"].find(f"ticket/{100 + ticket}", f"the requestor was 2 people and is {ticket % 2}")
    done["log"].find(HOSTILE, f"said {HOSTILE}", samples=(HOSTILE,), blocks=((HOSTILE, HOSTILE), ("Long", LONG)))
    done["log"].find(LONG[:300], f"a line of {len(LONG)} characters: {LONG[:900]}")
    wide = [{f"column {n}": f"value {n * row}" for n in range(24)} for row in range(5)]
    rows: list[dict[str, Any]] = [dict(row) for row in facts("x").facts["row_changes"]]
    rows.append(
        {
            "table": "Tickets",
            "before": 215,
            "after": 203,
            "added": 0,
            "removed": 12,
            "changed": 0,
            "unexplained": 12,
        }
    )
    rows = [row for row in rows if row["table"] != "Tickets" or row["removed"]]
    free = {"row_changes": rows, "wide_table": wide, HOSTILE: {"a": [1, {"b": HOSTILE}]}}
    logs = {**LOGS, "../../etc/passwd": "harmless\n", HOSTILE: HOSTILE}
    return Document(
        facts("2026-11-22T1804-no-go", facts=free), Outcome([*done.values()], [], tuple(CHECKS)), plan(), logs
    )


def not_proven() -> Document:
    """Return a run whose upgrade failed in the middle: some checks never ran, one had nothing to look at."""
    done = reports("rows", "readback", "deploy", "rights", "attachments")
    done[1].looked_at = 0
    steps = [StepFact(*one) for one in STEPS[:2]] + [StepFact(*STEPS[2], failed=True)]
    trouble = [
        "The database server ended while step 4.5.2 ran (exit code 137).\nLog of the server:\n    [ERROR] InnoDB: "
        "Write to file ./rt/Attachments.ibd failed at offset 58720256\n    mariadbd got signal 9",
    ]
    return Document(
        facts("2026-11-22T1804-not-proven", steps=steps, seconds=11.1, facts={}),
        Outcome(done, trouble, tuple(CHECKS)),
        plan(broken=True),
        LOGS,
    )


def unanswered() -> Document:
    """Return a run without findings, in which one check could not answer all of its questions."""
    done = reports()
    done[4].unanswered = ["what the validator finds on the untouched copy: it was not done within 600 s"]
    return Document(facts("2026-11-22T1804-unanswered"), Outcome(done, [], tuple(CHECKS)), plan(), LOGS)


def remarks() -> Document:
    """Return a clean run with remarks and without acceptances."""
    said = ["The dump holds 2 objects that are not RT's: VIEW OpenByQueue, TRIGGER Audit. Events do not run."]
    outcome = Outcome(reports(), [], tuple(CHECKS), [], said)
    return Document(facts("2026-11-22T1804-remarks"), outcome, plan(), LOGS)


EXAMPLES = {
    "go": go,
    "go-with-remarks": remarks,
    "go-kill-test": kills,
    "no-go": no_go,
    "not-proven": not_proven,
    "not-proven-unanswered": unanswered,
}
"""Examples by name; each name begins with the verdict."""

if __name__ == "__main__":
    for name, make in EXAMPLES.items():
        made = make()
        write(Path(sys.argv[1]) / name, made.facts, made.outcome, made.plan, made.logs)

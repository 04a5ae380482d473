"""Runs as they could have been, for tests and for looking at: GO, NO-GO, NOT PROVEN.

`python -m tests.harness.report.examples DIRECTORY` writes them out.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from harness.plan import Status, Step
from harness.report import ImageFact, RunFacts, StepFact, write
from harness.report.document import Document
from harness.verdict import Accepted, Finding, Outcome, Report

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\x1b[31m\x00\u202e"
LONG = "0123456789abcdef" * 200

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

STEPS = [
    ("4.5.0", 0.04, ("schema",)), ("4.5.1", 0.03, ("schema",)), ("4.5.2", 1.37, ("schema",)),
    ("4.5.3", 0.09, ("schema",)), ("4.5.4", 0.22, ("schema",)), ("4.5.5", 0.05, ("content",)),
    ("4.5.6", 0.04, ("content",)), ("4.5.7", 0.03, ("schema",)), ("4.5.8", 0.02, ("content",)),
    ("5.0.2", 0.61, ("content",)), ("5.0.3", 0.05, ("schema", "content")),
]  # fmt: skip


def facts(identity: str, **rest: Any) -> RunFacts:
    """Return the facts of a run on the usual pair."""
    changed = [
        ("Attributes", 212, 236, 24, 0, 61), ("ACL", 188, 198, 10, 0, 0), ("Links", 41, 48, 7, 0, 0),
        ("Transactions", 2907, 2918, 11, 0, 0), ("Classes", 3, 3, 0, 0, 3), ("sessions", 14, 0, 0, 14, 0),
    ]  # fmt: skip
    same = [
        ("Tickets", 203),
        ("Attachments", 3144),
        ("Users", 96),
        ("Groups", 1180),
        ("Queues", 12),
        ("Scrips", 41),
    ]
    keys = ("table", "before", "after", "added", "removed", "changed")
    rows = [dict(zip(keys, one, strict=True)) for one in changed]
    rows += [{"table": name, "before": n, "after": n, "added": 0, "removed": 0, "changed": 0} for name, n in same]
    made = RunFacts(
        identity, "4.4.6-to-5.0.3@mariadb-10.11", "mariadb-10.11", "rt-4.4.6-typical", "9f2c" * 16,
        {
            "release": "4.4.6", "server": "mariadb-10.11", "why": "a small university site with everything in use",
            "rows": {"Tickets": 203, "Attachments": 3144, "AuthTokens": 0}, "accounts": {"root": "hunter2"},
        },
        [
            ImageFact("RT 4.4.6", "rt-harness/rt:4.4.6-5be1c0ffee12", "sha256:" + "5be1c0ff" * 8),
            ImageFact("RT 5.0.3", "rt-harness/rt:5.0.3-77aa01d2c3e4", "sha256:" + "77aa01d2" * 8),
            ImageFact("database", "rt-harness/mariadb:10.11-0c1d2e3f4a5b", "sha256:" + "0c1d2e3f" * 8),
        ],
        datetime(2026, 11, 22, 18, 4, 11, tzinfo=UTC), 41.7,
        "make gate FROM=4.4.6 TO=5.0.3 SERVER=mariadb-10.11 DUMP=fixtures/dumps/rt-4.4.6-typical.sql.zst",
        {"cores": "2", "memory": "7.8 GB", "engine": "Docker 20.10.24"},
        {"harness": "0.1.0", "python": "3.11.2"},
        {"MARATHON_URL": "http://deployer:s3cret@marathon.example.org:8080", "db_password": "hunter2"},
        [StepFact(*one) for one in STEPS], {"row_changes": rows, "row count of the largest table": 3144},
    )  # fmt: skip
    return replace(made, **rest)


def plan(*, broken: bool = False) -> Step:
    """Return the plan of that run, carried out; broken: it ended in the middle of the upgrade."""

    def step(title: str, start: float, seconds: float, *children: Step, usual: float | None = None) -> Step:
        return Step(title, list(children), Status.DONE, seconds, "", start, usual)

    upgrade = step(
        "upgrade 4.4.6 -> 5.0.3", 8.9, 2.6,
        *(step(name, 8.9 + index * 0.23, seconds) for index, (name, seconds, _) in enumerate(STEPS[:4])),
        usual=2.4,
    )  # fmt: skip
    checks = step(
        "checks", 11.6, 17.2, step("log", 11.6, 0.1), step("schema", 11.7, 3.9, usual=4.2),
        step("rows", 11.7, 9.4, usual=6.1), step("validator", 15.7, 8.8), step("readback", 21.2, 7.6),
    )  # fmt: skip
    deploy = step("deploy to a scratch group", 28.9, 12.6, step("healthy", 28.9, 8.2), step("live", 37.1, 4.4))
    whole = step(
        "gate 4.4.6-to-5.0.3@mariadb-10.11", 0.0, 41.7, step("engine", 0.0, 0.2),
        step("images", 0.2, 0.6, step("RT 4.4.6", 0.2, 0.3), step("RT 5.0.3", 0.2, 0.6)),
        step("restore rt-4.4.6-typical", 0.8, 1.9, usual=1.6), step("old side speaks", 2.7, 6.1),
        upgrade, checks, deploy, usual=40.2,
    )  # fmt: skip
    if broken:
        upgrade.children[2].status = upgrade.status = whole.status = Status.FAILED
        upgrade.children[2].note = "Duplicate entry 'strasse' for key 'Users1': 12 of 30 tables are converted"
        for late in (upgrade.children[3], *checks.children, checks, *deploy.children, deploy):
            late.status, late.start, late.seconds = Status.PLANNED, None, 0.0
        upgrade.children[3].status = Status.SKIPPED
        upgrade.children[3].note = "a half-applied step must not be followed by another"
        upgrade.seconds, whole.seconds = 1.9, 11.1
    return whole


def reports(*without: str) -> list[Report]:
    """Return clean reports of all checks but some."""
    return [
        Report(name, question, looked_at=amount, unit=unit, seconds=round(0.07 * len(question), 2))
        for name, (question, amount, unit) in CHECKS.items()
        if name not in without
    ]


def go() -> Document:
    """A clean run with two accepted findings."""
    done = reports()
    done[2].allowed = ["Attributes.Content: utf8mb4 instead of ascii, because step 4.5.2 converts whole tables"]
    done[3].not_checked = ["sessions: empty on purpose after an upgrade"]
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


def no_go() -> Document:
    """Many findings, some of them hostile, very long, or very wide."""
    done = {report.check: report for report in reports()}
    done["rows"].find(
        "Tickets", "12 of 48,310 rows are gone", samples=("1041", "1042", "1077", "1102"),
        sql="SELECT id, Subject, LastUpdated\n  FROM Tickets\n WHERE id IN (1041, 1042, 1077, 1102);",
        blocks=(("Before", "id    EffectiveId  Queue\n1041  1041         3\n1042  1041         3"),),
    )  # fmt: skip
    done["rows"].find("Attributes", "3 rows changed that no step is known to change", samples=("88", "91", "104"))
    done["schema"].find(
        "Attachments", "the index Attachments3 of a fresh 5.0.3 is missing",
        repair="CREATE INDEX Attachments3 ON Attachments (Parent, TransactionId);",
        blocks=(("Difference", "- KEY `Attachments3` (`Parent`,`TransactionId`)\n+"),),
    )  # fmt: skip
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
    """The upgrade gave way in the middle: some checks never ran, one had nothing to look at."""
    done = reports("rows", "readback", "deploy", "rights", "attachments")
    done[1].looked_at = 0
    trouble = [
        "The database server ended while step 4.5.2 ran (exit code 137).\nLog of the server:\n    [ERROR] InnoDB: "
        "Write to file ./rt/Attachments.ibd failed at offset 58720256\n    mariadbd got signal 9",
    ]
    return Document(
        facts("2026-11-22T1804-not-proven", steps=[StepFact(*one) for one in STEPS[:3]], seconds=11.1, facts={}),
        Outcome(done, trouble, tuple(CHECKS)), plan(broken=True), LOGS,
    )  # fmt: skip


def unanswered() -> Document:
    """Everything ran and nothing was found, but one check could not ask all of its questions."""
    done = reports()
    done[4].unanswered = ["what the validator finds on the untouched copy: it was not done within 600 s"]
    return Document(facts("2026-11-22T1804-unanswered"), Outcome(done, [], tuple(CHECKS)), plan(), LOGS)


def remarks() -> Document:
    """A clean run with something to say, and nothing that anybody had to accept."""
    said = ["The dump holds 2 objects that are not RT's: VIEW OpenByQueue, TRIGGER Audit. Events do not run."]
    outcome = Outcome(reports(), [], tuple(CHECKS), [], said)
    return Document(facts("2026-11-22T1804-remarks"), outcome, plan(), LOGS)


def timeline() -> list[dict[str, Any]]:
    """Return the events of a kill test with three instances and a client that writes steadily."""
    events: list[dict[str, Any]] = [
        {"t": at / 12, "kind": "write", "label": f"write {at}", "lane": "writes"}
        for at in range(720)
        if at % 97 > 6
    ]
    events += [{"t": 8.1, "until": 8.7, "kind": "gap", "label": "longest gap", "lane": "writes"}]
    for number in range(3):
        lane = f"instance {number + 1}"
        at = 0.0
        for kill in range(4):
            killed = 8.0 + kill * 13 + number * 4
            events.append({"t": at, "until": killed, "kind": "up", "label": "serves", "lane": lane})
            events.append({"t": killed, "kind": "kill", "label": "SIGKILL", "lane": lane})
            events.append({"t": killed, "until": killed + 3.1, "kind": "down", "label": "away", "lane": lane})
            events.append({"t": killed + 1.2, "kind": "restart", "label": "started again", "lane": lane})
            events.append({"t": killed + 3.1, "kind": "healthy", "label": "healthy", "lane": lane})
            at = killed + 3.1
        events.append({"t": at, "until": 60.0, "kind": "up", "label": "serves", "lane": lane})
    events.append({"t": 30.0, "kind": "deploy", "label": "rolling deploy", "lane": "marathon"})
    events.append({"t": 31.5, "kind": "unhealthy", "label": "2 of 3 healthy", "lane": "marathon"})
    events.append({"t": 41.0, "kind": "healthy", "label": "3 of 3 healthy", "lane": "marathon"})
    return events


LOGS = {
    "rt-5.0.3": "\n".join(
        f"[{n:05}] [notice] AH00163: Apache/2.4.57 resuming normal operations" for n in range(200)
    ),
    "mariadb-10.11": "2026-11-22 18:04:12 0 [Note] mariadbd: ready for connections.\n",
}
EXAMPLES = {
    "go": go, "go-with-remarks": remarks, "no-go": no_go, "not-proven": not_proven,
    "not-proven-unanswered": unanswered,
}  # fmt: skip
"""By name, which begins with the verdict."""

if __name__ == "__main__":
    for name, make in EXAMPLES.items():
        made = make()
        write(Path(sys.argv[1]) / name, made.facts, made.outcome, made.plan, made.logs)

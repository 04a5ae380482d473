"""Build the parts of an invented run for the examples: facts, the finished plan, events of a kill test, logs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from harness.common.plan import Status, Step
from harness.report import ImageFact, RunFacts, StepFact

STEPS = [
    ("4.5.0", 0.04, ("schema",)),
    ("4.5.1", 0.03, ("schema",)),
    ("4.5.2", 1.37, ("schema",)),
    ("4.5.3", 0.09, ("schema",)),
    ("4.5.4", 0.22, ("schema",)),
    ("4.5.5", 0.05, ("content",)),
    ("4.5.6", 0.04, ("content",)),
    ("4.5.7", 0.03, ("schema",)),
    ("4.5.8", 0.02, ("content",)),
    ("5.0.2", 0.61, ("content",)),
    ("5.0.3", 0.05, ("schema", "content")),
]


BEFORE = [
    {
        "fact": "options that the target no longer knows",
        "title": "Options that the target no longer knows",
        "items": ["AssetSearchFormat", "MessageBoxUseSystemContextMenu", "UseSideBySideLayout"],
    },
    {
        "fact": "UPGRADING on what the site uses",
        "title": "What the UPGRADING documents say of options and plugins of the site",
        "items": [
            "FROM 5.0.9 AND EARLIER, ReferrerWhitelist: The option is compared with the whole address now, so "
            "that an entry without a port holds for the usual ports alone. Look through the entries of your site.",
        ],
    },
    {
        "fact": "to do by hand",
        "title": "To be done by hand",
        "items": [f"{at} memberships are kept twice; a tool removes them" for at in range(12)],
    },
]
"""Items to read before the upgrade, in the form that preflight notes them."""
PASSAGES = [
    {
        "file": "UPGRADING-5.0",
        "heading": f"5.0.{at} AND EARLIER",
        "speaks_of": ["ReferrerWhitelist"] * (at == 9),
        "text": "- The page of a ticket shows its history from the newest on.\n\n- The option is compared with "
        "the whole address now.\n\n    Set( @ReferrerWhitelist, qw(www.example.org:443) );",
    }
    for at in range(10)
]


def facts(identity: str, **rest: Any) -> RunFacts:
    """Return the facts of a run of the default pair."""
    changed = [
        ("Attributes", 212, 236, 24, 0, 61),
        ("ACL", 188, 198, 10, 0, 0),
        ("Links", 41, 48, 7, 0, 0),
        ("Transactions", 2907, 2918, 11, 0, 0),
        ("Classes", 3, 3, 0, 0, 3),
        ("sessions", 14, 0, 0, 14, 0),
    ]
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
        identity,
        "4.4.6-to-5.0.3@mariadb-10.11",
        "mariadb-10.11",
        "rt-4.4.6-typical",
        "9f2c" * 16,
        {
            "release": "4.4.6",
            "server": "mariadb-10.11",
            "why": "a small university site with everything in use",
            "rows": {"Tickets": 203, "Attachments": 3144, "AuthTokens": 0},
            "accounts": {"root": "hunter2"},
        },
        [
            ImageFact("RT 4.4.6", "rt-harness/rt:4.4.6-5be1c0ffee12", "sha256:" + "5be1c0ff" * 8),
            ImageFact("RT 5.0.3", "rt-harness/rt:5.0.3-77aa01d2c3e4", "sha256:" + "77aa01d2" * 8),
            ImageFact("database", "rt-harness/mariadb:10.11-0c1d2e3f4a5b", "sha256:" + "0c1d2e3f" * 8),
        ],
        datetime(2026, 11, 22, 18, 4, 11, tzinfo=UTC),
        41.7,
        "cd /srv/rt-harness && ./gate --from 4.4.6 --to 5.0.3 --dump /backup/rt-4.4.6-typical.sql.zst",
        {
            "cores": "2",
            "memory": "7.8 GB",
            "engine": "Docker 20.10.24",
            "harness": "0.1.0",
            "python": "3.11.2",
            "MARATHON_URL": "http://deployer:s3cret@marathon.example.org:8080",
            "db_password": "hunter2",
        },
        [StepFact(*one) for one in STEPS],
        {"row_changes": rows, "row count of the largest table": 3144},
    )
    return replace(made, **rest)


def plan(*, broken: bool = False) -> Step:
    """Return the finished plan of that run; broken: it failed in the middle of the upgrade."""

    def step(title: str, start: float, seconds: float, *children: Step, usual: float | None = None) -> Step:
        return Step(title, list(children), Status.DONE, seconds, "", start, usual)

    upgrade = step(
        "upgrade 4.4.6 -> 5.0.3",
        8.9,
        2.6,
        *(step(name, 8.9 + index * 0.23, seconds) for index, (name, seconds, _) in enumerate(STEPS[:4])),
        usual=2.4,
    )
    checks = step(
        "checks",
        11.6,
        17.2,
        step("log", 11.6, 0.1),
        step("schema", 11.7, 3.9, usual=4.2),
        step("rows", 11.7, 9.4, usual=6.1),
        step("validator", 15.7, 8.8),
        step("readback", 21.2, 7.6),
    )
    deploy = step("deploy to a scratch group", 28.9, 12.6, step("healthy", 28.9, 8.2), step("live", 37.1, 4.4))
    whole = step(
        "gate 4.4.6-to-5.0.3@mariadb-10.11",
        0.0,
        41.7,
        step("engine", 0.0, 0.2),
        step("images", 0.2, 0.6, step("RT 4.4.6", 0.2, 0.3), step("RT 5.0.3", 0.2, 0.6)),
        step("restore rt-4.4.6-typical", 0.8, 1.9, usual=1.6),
        step("old side speaks", 2.7, 6.1),
        upgrade,
        checks,
        deploy,
        usual=40.2,
    )
    if broken:
        upgrade.children[2].status = upgrade.status = whole.status = Status.FAILED
        upgrade.children[2].note = "Duplicate entry 'strasse' for key 'Users1': 12 of 30 tables are converted"
        for late in (upgrade.children[3], *checks.children, checks, *deploy.children, deploy):
            late.status, late.start, late.seconds = Status.PLANNED, None, 0.0
        upgrade.children[3].status = Status.SKIPPED
        upgrade.children[3].note = "a half-applied step must not be followed by another"
        upgrade.seconds, whole.seconds = 1.9, 11.1
    return whole


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

"""Run the rollback drill: back up, upgrade, restore the backup, start the old release."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from harness import upgrade
from harness.checks import rows
from harness.database import Database, backup, schema
from harness.database.profiles import DURABLE
from harness.dump.choice import Choice
from harness.rt import Rt, web
from harness.rt.thaw import Thawer
from harness.upgrade import guard
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

CHECK = "rollback"
QUESTION = "After the backup is put back, is everything as it was, and does the old release serve it?"
REPAIR = "do not rely on this way back: empty the database before you put the backup into it, and try again"
_OBJECTS = """
    SELECT CONCAT(LOWER(routine_type), ' ', routine_name), SHA2(routine_definition, 256)
      FROM information_schema.routines WHERE routine_schema = DATABASE()
    UNION ALL SELECT CONCAT('event ', event_name), SHA2(event_definition, 256)
      FROM information_schema.events WHERE event_schema = DATABASE()
    UNION ALL SELECT CONCAT('trigger ', trigger_name), SHA2(action_statement, 256)
      FROM information_schema.triggers WHERE trigger_schema = DATABASE()"""


def drill(lifecycle: Lifecycle, choice: Choice, *, emptied: bool = True) -> Report:
    """Run the drill on copies. facts of the report: durations of backup, upgrade and restore, in seconds.

    emptied: False plants the usual mistake: the backup is restored over the upgraded database.
    """
    pair, report = choice.pair, Report(CHECK, QUESTION, unit="rows", repair=REPAIR)
    baseline = lifecycle.restored(choice.dump, pair.server)
    with (
        lifecycle.baselines.cloned(baseline) as before,
        lifecycle.baselines.cloned(baseline, DURABLE) as database,
        lifecycle.new_side.tools(pair.target, database) as tools,
    ):
        known = guard.find_own_columns_of(lifecycle, pair, before)
        for what, work in (
            ("backup", lambda: backup.take(database)),
            ("upgrade", lambda: upgrade.run(tools, pair.origin, pair.target)),
            ("restore", lambda: backup.restore(database, emptied=emptied)),
        ):
            started = time.monotonic()
            work()
            report.facts[what] = round(time.monotonic() - started, 2)
            if what == "upgrade" and guard.ask(tools, known).code:
                report.find(
                    "upgrade",
                    "it did not end in a database of the new release, so there is nothing to take back",
                    repair="run the gate first, and ask for the way back when the upgrade works",
                )
        compare_databases(report, before, database, tools)
        try_old_release(report, lifecycle, choice, before=before, after=database, known=known)
    return report


def compare_databases(report: Report, before: Database, after: Database, tools: Rt) -> None:
    compared = rows.check(before, after, (), Thawer(tools))
    report.looked_at += compared.looked_at
    report.out_of_scope += compared.out_of_scope
    for finding in compared.findings:
        report.find(finding.where, finding.what, samples=finding.samples, sql=finding.sql)
    one, other = schema.read(before).tables, schema.read(after).tables
    for table in sorted(set(one) & set(other)):
        if one[table] != other[table]:
            report.find(table, "its structure is not what it was", sql=f"SHOW CREATE TABLE {schema.quote(table)}")
    same_objects(report, objects(before), objects(after))


def objects(database: Database) -> dict[str, str]:
    """Return a database's objects besides tables and views: kind and name to a digest of the definition."""
    return dict(database.rows(_OBJECTS, root=True))  # other accounts cannot see the definition of a routine


def same_objects(report: Report, had: Mapping[str, str], has: Mapping[str, str]) -> None:
    """Report objects that are missing or changed; new ones are left to the comparison of tables."""
    report.looked_at += len(had)
    for name in sorted(name for name in had if had[name] != has.get(name)):
        report.find(
            name,
            "it is not what it was" if name in has else "it is gone",
            sql=_OBJECTS,
            repair=f"back up with {' '.join(backup.OBJECTS)} as well",
        )


def try_old_release(
    report: Report,
    lifecycle: Lifecycle,
    choice: Choice,
    *,
    before: Database,
    after: Database,
    known: Collection[str] = (),
) -> None:
    """Start the old release and read a ticket as a person would. known: the site's own columns in RT's tables."""
    origin, manifest = choice.pair.origin, choice.dump.manifest
    if not lifecycle.has_image(origin):
        report.out_of_scope.append(f"whether RT {origin} serves the restored database: it has no image here")
        return
    with lifecycle.tools(origin, after) as tools:
        judgement = guard.ask(tools, known)
    if judgement.code:
        report.find(
            "RT",
            f"RT {origin} refuses the restored database",
            samples=(str(judgement),),
            repair="see what the guard misses, and whether the backup holds all of the old database",
        )
        return
    if manifest is None or "root" not in manifest.accounts:
        report.out_of_scope.append("reading a ticket under the old release: the dump names no account")
        return
    password = manifest.accounts["root"]
    settings = guard.environment(known)
    trouble = _read(lifecycle, origin, after, password, settings)
    if trouble and trouble == _read(lifecycle, origin, before, password, settings):  # as with single sign-on
        report.out_of_scope.append(
            "reading a ticket under the old release, which gets no further on the untouched copy either: "
            f"{': '.join(trouble)}"
        )
    elif trouble:
        report.find(*trouble)


def _read(
    lifecycle: Lifecycle, release: str, database: Database, password: str, settings: Mapping[str, str]
) -> tuple[str, str] | None:
    """Log in to a release's site and read the newest ticket; return where that fails and how, None if it works."""
    with lifecycle.site(release, database, form=False, environment=settings) as site:
        try:
            ticket = database.value("SELECT MAX(id) FROM Tickets WHERE id = EffectiveId AND Type = 'ticket'")
            session = web.login(site, "root", password)
            web.page(session, site, f"/Ticket/Display.html?id={ticket}", expect=f"#{ticket}", user_text=True)
        except web.PageError as error:
            return error.where, error.what
    return None

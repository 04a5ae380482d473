"""Run each check on both sides of an upgrade, with the facts that it needs from each of them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from harness.checks import application as application_check
from harness.checks import history as history_check
from harness.checks import integrity as integrity_check
from harness.checks import meaning as meaning_check
from harness.checks import preflight as preflight_check
from harness.checks import rows as rows_check
from harness.checks import run as run_check
from harness.checks import schema as schema_check
from harness.checks import upgrade_history
from harness.checks.application import mails
from harness.checks.application.old_release_answers import OldReleaseAnswers
from harness.checks.meaning import organization
from harness.checks.meaning import told as meaning_told
from harness.checks.meaning.allowances import Upgrade
from harness.checks.meaning.told import Meaning
from harness.checks.open_question import ask_or_leave_open
from harness.checks.preflight import Recognised
from harness.checks.schema import absorbed, step_mentions, triggers, views
from harness.checks.upgrade_history import CORE, History
from harness.common.waits import NotReadyError
from harness.database import schema as schemas
from harness.database.restore import append_structure
from harness.rt.thaw import Thawer
from harness.stage import visitor
from harness.stage.old_side import OldSide
from harness.stage.sides import Sides
from harness.verdict import Report

_PACKAGE = re.compile(r"[A-Za-z][\w:.-]{0,80}")


def recognised(sides: Sides, old_side: OldSide) -> Recognised:
    """Recognise the dump from its own contents: the part of preflight that may forbid the upgrade."""
    path = (sides.pair.origin, sides.pair.target)
    return preflight_check.recognise(
        old_side.schema(),
        sides.old(),
        sides.target_on_old_copy(),
        path,
        steps=sides.steps(),
        history=old_side.history(),
    )


def preflight(sides: Sides, old_side: OldSide, known: Recognised, *, validates: bool) -> Report:
    """Check the untouched copy with the old release and the target. validates: run rt-validator as well."""
    old, restored = sides.old(), sides.baseline()
    evidence = preflight_check.Evidence(
        configuration=sides.lifecycle.new_side.configuration,
        old_configuration=sides.lifecycle.configuration,
        recognised=known,
        validation=old_side.validation() if old and validates else None,
        uncollated=restored.uncollated,
        append_structure=lambda table: append_structure(sides.dump, restored.called, table),
        start=old_side.start,
    )
    path = (sides.pair.origin, sides.pair.target)
    return preflight_check.check(
        sides.before(), old, sides.target_on_old_copy(), path, steps=sides.steps(), known=evidence
    )


def run(sides: Sides, old_side: OldSide) -> Report:
    """Check how the upgrade ran."""
    return run_check.check(sides.run(), sides.steps(), before=old_side.start, broken=old_side.broken_attributes)


def history(sides: Sides, old_side: OldSide) -> Report:
    """Compare RT's own upgrade history before and after."""
    before, after = old_side.history(), upgrade_history.read(sides.after(), Thawer(sides.new()))
    report = history_check.check(before, after, sides.steps(), sides.pair.origin, sides.pair.target)
    report.out_of_scope += extensions(before, after)
    return report


def extensions(*histories: History) -> list[str]:
    """Return remarks on packages in the history whose own steps an upgrade of RT does not apply."""
    names = {name for one in histories for name in one.packages} - {CORE}
    return [
        f"the steps of {name}, which has a history of its own: rt-setup-database --package {name} is yours to run"
        for name in sorted(names)
        if _PACKAGE.fullmatch(name)
    ]


def schema(sides: Sides, old_side: OldSide) -> Report:
    """Compare both schemas with a fresh install's and with what the steps mention of them."""
    after, before = schemas.read(sides.after()), old_side.schema()
    said = step_mentions.read(sides.new(), sides.steps())
    report = schema_check.check(after, sides.fresh_schema(), sides.steps(), before, mentions=said)
    old, new = triggers.Side(sides.before(), before), triggers.Side(sides.after(), after)
    further: dict[str, Callable[[], None]] = {
        "whether the site's views can be read": lambda: views.judge(report, sides.before(), sides.after()),
        "whether the site's triggers can be fired": lambda: triggers.judge(report, old, new),
        "whether data of extensions waits to be copied": lambda: absorbed.judge(
            report, absorbed.read(sides.new()), before, after, sides.after()
        ),
    }
    for question, ask in further.items():  # what was found so far must not be lost with the answer
        ask_or_leave_open(report, question, ask)
    return report


def rows(sides: Sides) -> Report:
    """Compare every row of both copies."""
    sides.run()
    known = sides.fact_cache.fact("digests", lambda: rows_check.digests(sides.before()))
    return rows_check.check(
        sides.before(),
        sides.after(),
        sides.steps(),
        Thawer(sides.new()),
        known=known,
        tables_of_rt=sides.fresh_schema().tables,
        written=step_mentions.read(sides.new(), sides.steps()).write,
    )


def integrity(sides: Sides, old_side: OldSide) -> Report:
    """Compare the results of rt-validator of both releases."""
    before = old_side.validation()
    sides.run()
    after = integrity_check.collect(sides.new())
    sides.copies.need(f"the check {integrity_check.CHECK}")  # of a dead server's answers nothing is asked again
    report = integrity_check.check(before, after, lambda: integrity_check.collect(sides.target_on_old_copy()))
    report.out_of_scope += old_side.witness.substitution_note("validates")
    return report


def meaning(sides: Sides, old_side: OldSide, before: Meaning | None, after: Meaning) -> Report:
    """Compare the meaning of the data to both releases."""
    copies = (old_side.witness.copy() or sides.before(), sides.after())
    resorted = len({meaning_told.sorting(copy) for copy in copies}) > 1
    origin = old_side.witness.release() or sides.pair.origin
    done = Upgrade(origin, sides.pair.target, tuple(sides.steps()), resorted)
    report = meaning_check.check(before, after, done)
    organization.judge(
        report,
        sides.before(),
        [side.organization for side in (before, after) if side],
        [sides.lifecycle.configuration, sides.lifecycle.new_side.configuration],
    )
    report.out_of_scope += old_side.witness.substitution_note("itself says of its data") if before else []
    return report


def application(sides: Sides, old_side: OldSide, *, thorough: bool) -> Report:
    """Use the site as people, programs, mail and cron do. Writes."""
    try:
        site = sides.site()
    except NotReadyError as error:
        sides.copies.need("the start of the site")
        return visitor.report_failed_start(error, old_side.site_start)
    visit = visitor.prepare_visit(sides.new(), site, sides.after(), sides.dump.accounts, thorough=thorough)
    used = functools.partial(old_side.exchanges, thorough=thorough)
    few = 0 if thorough else mails.FEW_QUEUES
    sent, again = (functools.partial(ask, few) for ask in (old_side.mails, old_side.mails_again))
    limit = sides.after().patience(mails.PATIENCE)
    report = application_check.check(
        visit,
        mails=lambda report, starts: mails.judge(report, sent(), sides.new(), starts, again, limit=limit),
        old_release=OldReleaseAnswers(old_side.start, sent, old_side.jobs, used),
    )
    report.out_of_scope += old_side.witness.substitution_note("makes of tickets, sends by mail and says in jobs")
    report.out_of_scope += visitor.untested_of_image(sides.pair.target)
    return report

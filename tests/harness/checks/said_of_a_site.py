"""Run parts of the application check without a site: on a given log, on a job's end, on given mails."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

from harness.checks import application, log
from harness.checks.application import jobs, mails
from harness.checks.application.mails import Mails
from harness.checks.application.nightly_jobs import Job
from harness.checks.application.old_release_answers import OldReleaseAnswers
from harness.checks.application.startup_log import StartupLogs
from harness.checks.application.trial_visit import Visit
from harness.engine.commands import CommandResult
from harness.rt import Rt
from harness.verdict import Report

BROKEN = (
    "[15] [Wed Nov 25 14:00:31 2026] [error]: Deserialization of attribute 13 failed (/x.pm:1)",
    "[15] [Wed Nov 25 14:00:31 2026] [critical]: No principal for user #31 (/x.pm:1)",
    "[15] [Wed Nov 25 14:00:31 2026] [warning]: DBD::mysql::st execute failed: Unknown column 'a' (/x.pm:1)",
    "[Wed Nov 25 14:01:09.959132 2026] [perl:error] [pid 14:tid 14] [client 172.31.0.1:50286] Cannot compare",
    "[Wed Nov 25 14:01:09.959132 2026] [perl:crit] [pid 14] Can't locate RT/Gone.pm in @INC",
    "[Wed Nov 25 14:01:09.959132 2026] [core:notice] [pid 1:tid 1] AH00052: child pid 14 exit signal Segmentation "
    "fault (11)",
)


def logged(text: str, old_release: OldReleaseAnswers | None = None, report: Report | None = None) -> Report:
    """Return the report on a site that has logged `text`. old_release: by default it says nothing.

    report: with what was found before the log was read.
    """
    report = Report(application.CHECK, "") if report is None else report
    site = SimpleNamespace(
        container=SimpleNamespace(logs=lambda: text),
        release="5.0.3",
        perl_alone=lambda *_, **__: CommandResult(0, "", ""),
    )
    application.judge_log(
        report,
        Visit(cast(Rt, site), "root", ""),
        log.allowances(),
        StartupLogs(cast(Rt, site)),
        old_release or OldReleaseAnswers(),
    )
    return report


def ran(job: Sequence[str], done: CommandResult, before: jobs.Before | None = None) -> Report:
    """Return the report on a job that ended as `done`. before: asks the old release, which is silent by
    default.
    """
    report = Report(application.CHECK, "")
    site = SimpleNamespace(
        tool=lambda *_, **__: done, release="5.0.3", perl_alone=lambda *_, **__: CommandResult(0, "", "")
    )
    rt = cast(Rt, site)
    jobs.carry_out(report, rt, log.allowances(), [Job(tuple(job), 60)], StartupLogs(rt), before=before)
    return report


COMPLAINT = "[23] [Wed Nov 25 14:05:28 2026] [warning]: a portlet could not be shown (/x.pm:1)\n"
MAIL = [mails.hide_addresses("a@customers.example.test"), "[rt.example.org #N] Hello", "Precedence: bulk"]
SENT = Mails("4.4.6", {"1": "create, answer"}, [MAIL, MAIL])


def compared(after: Mails) -> Report:
    """Return the report if the old release sent two given mails and the new one `after`."""
    report = Report(application.CHECK, "")
    mails.compare(report, SENT, after)
    return report

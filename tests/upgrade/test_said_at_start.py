"""Complaints that a site's configuration causes at every start of RT are reported once, and only if new."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks import integrity
from harness.checks.application import jobs, nightly_jobs, startup_log
from harness.checks.application.nightly_jobs import Job
from harness.checks.application.startup_log import StartupLogs
from harness.dump.choice import DEFAULT_SERVER
from harness.errors import InfrastructureError
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = pytest.mark.engine
NO_STYLE = Configuration({"site.pm": b"Set($WebDefaultStylesheet, 'rudder');\n1;\n"})


def test_what_every_start_warns_of_is_no_jobs_doing(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause here is a style that the new release lacks: RT uses another one, and logs this at every start."""
    database = clone(lifecycle.fresh("5.0.3", DEFAULT_SERVER))
    tools = rt_tools("5.0.3", database, configuration=NO_STYLE)
    report = Report("application", "")
    starts = StartupLogs(tools)
    jobs.carry_out(report, tools, (), [Job(nightly_jobs.JOBS[-1])], starts)
    starts.judge(report)
    assert (report.findings, report.unanswered) == ([], [])
    assert "stylesheet (rudder)" in "".join(report.facts["said at every start"])
    jobs.carry_out(report, tools, (), [Job(nightly_jobs.JOBS[-1], 0.1)], starts)
    assert len(report.unanswered) == 1
    monkeypatch.setattr(integrity, "LIMIT", 0.1)
    with pytest.raises(InfrastructureError, match=r"rt-validator of RT 5\.0\.3 was not done"):
        integrity.collect(tools)


WRONG_OPTION = Configuration({"site.pm": b"Set(%CustomFieldGroupings, 'RT::Ticket' => 'People');\n1;\n"})


def test_an_error_of_every_start_is_told_once_and_only_if_it_is_new(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """An option that RT has complained of for years is not the upgrade's fault; a new one is not a job's."""
    old = rt_tools("4.4.6", clone(lifecycle.fresh("4.4.6", DEFAULT_SERVER)), configuration=WRONG_OPTION)
    new = rt_tools("5.0.3", clone(lifecycle.fresh("5.0.3", DEFAULT_SERVER)), configuration=WRONG_OPTION)
    said = startup_log.collect(old)
    assert "CustomFieldGroupings" in str(said.errors)
    for before, findings in ((said, 0), (None, 1)):
        report = Report("application", "")
        starts = StartupLogs(new, lambda before=before: before)  # type: ignore[misc]
        jobs.carry_out(report, new, (), [Job(nightly_jobs.JOBS[0]), Job(nightly_jobs.JOBS[-1])], starts)
        starts.judge(report)
        assert len(report.findings) == findings, str(report)
        assert [one.where for one in report.findings] == ["start"] * findings
    validated = integrity.collect(old), integrity.collect(new)
    assert integrity.check(*validated)
    assert integrity.check(None, validated[1]).findings

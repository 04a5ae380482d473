"""Compare the dashboard subscriptions that a nightly job mails in the old and in the new release.

The job succeeds whatever it has sent, and skips, without a message, users who have left.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.checks.application.mails import read_outbox
from harness.rt import Rt
from harness.verdict import Report

JOB = "rt-email-dashboards"
_PROGRAM = f"/usr/local/bin/{JOB}"
_SUBSCRIPTION = "X-RT-Dashboard-Subscription-Id"


def can_limit_to_user(tools: Rt) -> bool:
    """Tell whether a release's job can be limited to the dashboards of one user."""
    return bool(tools.of_image("sh", "-c", f"grep user=s {_PROGRAM} || true"))


def sent_subscriptions(rt: Rt) -> set[str]:
    """Return the ids of the subscriptions whose dashboards a release has mailed."""
    return {str(mail[_SUBSCRIPTION]) for mail in read_outbox(rt) if mail[_SUBSCRIPTION]}


def compare(report: Report, now: set[str], before: Iterable[str], release: str) -> None:
    """Report the subscriptions whose dashboards the old release has mailed and the new one has not."""
    if lost := sorted(set(before) - now):
        report.find(
            f"job {JOB}",
            f"the dashboards of {len(lost)} subscriptions are mailed by RT {release} and not by this one",
            samples=tuple(f"Attributes {one}" for one in lost),
            repair="open these dashboards on a trial upgrade as whoever has subscribed to them",
        )

"""Set up a visit to an upgraded site: accounts of the harness's own, and a queue that takes their mail.

They are created on the copy, through RT itself, after all checks that only read have finished.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.checks import application
from harness.checks.application import attempts, mails, optional_jobs
from harness.checks.application.trial_visit import JOB_LIMIT, Visit
from harness.checks.cached_fact import CachedFact
from harness.checks.in_time import need_in_time
from harness.checks.log import records
from harness.checks.open_question import ask_or_leave_open
from harness.common import redact
from harness.common.waits import GoneError, NotReadyError, Retry
from harness.database import Database
from harness.engine.commands import EXIT_KILLED
from harness.errors import InfrastructureError
from harness.images import named
from harness.rt import Rt
from harness.rt.configuration import SITE_CONFIGURATION
from harness.stage import visit_content
from harness.upgrade import guard
from harness.verdict import Report

PROGRAM = mails.GUEST.with_name("visitor.pl")
QUICK_LOGINS = (f"{SITE_CONFIGURATION}/~visitor.pm", b"Set($BcryptCost, 4);\n1;\n")
"""Options for the tried site: at the usual cost a login takes as long as four pages, and REST 2 logs in per
call."""
PATIENCE = 300.0
"""Seconds for the accounts and the first ticket, on a small database."""
_OF_THE_MACHINE = (EXIT_KILLED, guard.AWAY)
"""Exit codes that are no fault of a site: it was killed, or its guard got no answer from the database server."""
_ENDS = "it ends with "


def untested_of_image(version: str) -> list[str]:
    """Return what no upgrade check tests of the image that the user named for a release; [] without one.

    The smoke tests do test it, for images that are built here as well.
    """
    image = named.named_by_user(f"rt-{version}")
    if not image:
        return []
    return [
        *filter(None, [named.describe_unpinned(image)]),
        "the image that was named, by itself: whether its health check fails when it must, whether it refuses a "
        "database of another release, and how it ends: with the same RT_HARNESS_IMAGES, "
        f".venv/bin/python -m pytest tests/smoke -k '[{version}'",
    ]


@dataclass
class SiteStart(CachedFact):
    """Whether a release's site comes up on the untouched copy. why: the `reason` if not; "" if it does."""

    release: str
    why: str = ""

    @property
    def steady(self) -> bool:
        """Whether the same would come of another start: a time-out may be due to a busy machine."""
        return not self.why or self.why.startswith(_ENDS)


def failure_reason(error: NotReadyError) -> str:
    """Return why a site never came up. Raises the error if it may be the machine's fault.

    If Apache ends, or answers with an error for two minutes, the cause is in the site's own files or data.
    """
    code = re.search(r"exit code (\d+)", error.sentence)
    machines = code is not None and int(code[1]) in _OF_THE_MACHINE
    if machines or (not isinstance(error, GoneError) and not isinstance(error.__cause__, Retry)):
        raise error
    return f"{_ENDS}{code[0]}" if code else redact.line(str(error.__cause__))


def report_failed_start(error: NotReadyError, before: Callable[[], SiteStart | None]) -> Report:
    """Return the report on a site that never came up. Raises the error if it may be the machine's fault.

    before: tells whether the old release's site comes up with the same data; None if there is no witness.
    """
    why = failure_reason(error)
    report = Report(application.CHECK, application.QUESTION, looked_at=1, repair=attempts.REPAIR)
    old = ask_or_leave_open(report, "whether the site came up before", before)
    if old and old.why == why:
        report.unanswered.append(
            f"whether the site works: it does not come up, and that of RT {old.release} does not either: {why}"
        )
        return report
    lines = [line for _, text in error.blocks for line in text.splitlines()]
    said = [redact.line(record.message) for record in records(lines) if record.complaint]
    report.find(
        "site",
        f"it does not come up on the upgraded database: {why}",
        samples=tuple(dict.fromkeys(said[-5:])),
        repair="look at what of CONFIG's html and lib is written for the old release",
    )
    return report


def prepare_visit(
    tools: Rt, site: Rt, database: Database, accounts: Mapping[str, str], *, thorough: bool = False
) -> Visit:
    """Create the accounts, the queue and a ticket, and return the visit that uses them.

    accounts: further accounts to log in with; without any, people with a homepage of their own get a password on
    the copy. Raises InfrastructureError if nothing could be created.
    """
    # A number, because numbers are ignored when the logs of two releases are compared.
    name, password = f"harness-{10**7 + secrets.randbelow(9 * 10**7)}", secrets.token_hex(12)
    # Read before the harness creates any tickets of its own.
    tickets = visit_content.newest_tickets(database, 3 if thorough else 1)
    queues = visit_content.queues(database, 3 if thorough else 1)
    homepages = visit_content.people_with_homepages(database)
    people = {who: word for who, word in accounts.items() if who not in ("root", "healthcheck")}
    # The login form takes a name of digits for a user's id.
    able = [] if people else [number for number, who in homepages.items() if not who.isdigit()]
    borrowed = able[: 10 if thorough else 2]
    made = _create_accounts(tools, name, password, borrowed, database.patience(PATIENCE))
    jobs, jobs_left = optional_jobs.choose(database, tools, thorough=thorough)
    people = people if thorough else dict(list(people.items())[:2])
    people |= {homepages[number]: password for number in made.borrowed}
    return Visit(
        site,
        name,
        password,
        queue=name,
        answers=visit_content.expected_answers(database, notifies_actor=made.notifies_actor),
        harmless_words=visit_content.harmless_words(database, tickets),
        emoji=visit_content.accepts_emoji(database),
        queues=queues,
        customer=made.customer,
        customer_ticket=made.ticket,
        tickets=tickets,
        dashboards=visit_content.dashboards(database, 20 if thorough else 1),
        people=people,
        homepages_left=len({*homepages.values()} - people.keys()),
        thorough=thorough,
        subscribers=visit_content.subscribers(database),
        jobs=tuple(jobs),
        jobs_left=tuple(jobs_left),
        patience=database.patience(JOB_LIMIT),
        tools=tools,
    )


@dataclass(frozen=True)
class _Accounts:
    """Whether $NotifyActor is on, a customer's name and ticket, and ids of users who got the password."""

    notifies_actor: bool
    customer: str
    ticket: int
    borrowed: tuple[int, ...]


def _create_accounts(tools: Rt, name: str, password: str, borrowed: Sequence[int], limit: float) -> _Accounts:
    """Create an administrator, a customer, a queue and the customer's ticket.

    borrowed: ids of users who get the password. limit: seconds.
    """
    done = tools.perl(mails.with_guest(PROGRAM), name, password, *map(str, borrowed), limit=limit)
    need_in_time(done, f"RT {tools.release} did not make the accounts to try the site with", limit)
    if done.code:
        raise InfrastructureError(
            f"No account could be made on the copy to try the site with (exit code {done.code}).",
            [("Errors", redact.lines("\n".join(done.err.splitlines()[-5:])))],
        )
    notifies_actor, customer, ticket, *able = done.out.splitlines()[-1].split()
    return _Accounts(notifies_actor == "1", customer, int(ticket), tuple(map(int, able)))

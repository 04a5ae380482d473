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
from harness.rt import Rt, web
from harness.rt.configuration import SITE_CONFIGURATION
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
_ANSWERS = """
    SELECT COUNT(DISTINCT c.ApplicableTransTypes) FROM Scrips s
    JOIN ObjectScrips o ON o.Scrip = s.id AND o.ObjectId = 0
    JOIN ScripConditions c ON c.id = s.ScripCondition JOIN ScripActions a ON a.id = s.ScripAction
    JOIN Templates t ON t.Queue = 0 AND t.Name = s.Template AND LENGTH(t.Content) > 0
    WHERE COALESCE(s.Disabled, 0) = 0 AND s.Template <> 'Blank' AND c.ExecModule = 'AnyTransaction' AND (
        c.ApplicableTransTypes IN ('Create', 'Correspond') AND a.ExecModule = 'Autoreply'
        OR a.ExecModule = 'Notify' AND a.Argument LIKE '%%Requestor%%' AND (
            c.ApplicableTransTypes = 'Correspond'
            OR c.ApplicableTransTypes = 'Create' AND a.Argument NOT LIKE '%%NeverNotifyActor%%'
                AND (%s OR a.Argument LIKE '%%AlwaysNotifyActor%%')))
"""
"""The number of events, of two, at which global scrips mail the requestors: the stock scrips may be switched off.

The requestor who opens a ticket is its actor, whom RT::Action::Notify excludes unless configured otherwise, and
RT::Action::Autoreply never excludes. An empty template sends no mail, nor does a template of another queue in a
new queue.
"""

_SUBSCRIBERS = """
    SELECT u.Name FROM Attributes a JOIN Users u ON u.id = a.ObjectId
    JOIN Principals p ON p.id = u.id AND p.Disabled = 0
    WHERE a.Name = 'Subscription' AND a.ObjectType = 'RT::User' AND EXISTS (
        SELECT 1 FROM CachedGroupMembers m JOIN `Groups` g ON g.id = m.GroupId
        WHERE m.MemberId = u.id AND m.Disabled = 0 AND g.Domain = 'SystemInternal' AND g.Name = 'Privileged')
    GROUP BY u.Name ORDER BY COUNT(*), MIN(a.id)
"""
"""Users who get dashboards by mail: RT::Dashboard::Mailer skips disabled and unprivileged users."""


def expected_answers(database: Database, *, notifies_actor: bool) -> int:
    """Return the number of mails that the sender of a first mail must get. notifies_actor: option $NotifyActor."""
    return int(database.value(_ANSWERS, [notifies_actor]))


def subscribers(database: Database) -> tuple[str, ...]:
    """Return the names of the users who get dashboards by mail, those with the fewest subscriptions first."""
    return tuple(str(name) for (name,) in database.rows(_SUBSCRIBERS))


def harmless_words(database: Database, tickets: Sequence[int]) -> frozenset[str]:
    """Return the error texts of failing pages that users have also written: a help desk gets mails about errors.

    Lists show the subjects of all tickets; texts are shown of `tickets` alone.
    """
    shown = ", ".join(map(str, tickets)) or "0"
    asked = (
        "SELECT EXISTS (SELECT 1 FROM Tickets WHERE Subject LIKE %s) OR EXISTS (SELECT 1 FROM Attachments a"
        " JOIN Transactions t ON t.id = a.TransactionId AND t.ObjectType = 'RT::Ticket'"
        f" WHERE t.ObjectId IN ({shown}) AND a.ContentType LIKE 'text/%%' AND a.Content LIKE %s)"
    )
    return frozenset(mark for mark in web.ERROR_MARKS if database.value(asked, [f"%{mark}%"] * 2))


def _queues(database: Database, count: int) -> tuple[int, ...]:
    """Return the ids of the queues that got the newest tickets, of the last thousand; the newest first."""
    found = database.rows(
        "SELECT t.Queue FROM (SELECT id, Queue FROM Tickets WHERE Type = 'ticket' ORDER BY id DESC LIMIT 1000) t "
        "JOIN Queues q ON q.id = t.Queue WHERE q.Disabled = 0 GROUP BY t.Queue ORDER BY MAX(t.id) DESC LIMIT %s",
        (count,),
    )
    return tuple(int(number) for (number,) in found)


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

    accounts: further accounts to log in with. Raises InfrastructureError if nothing could be created.
    """
    # A number, because numbers are ignored when the logs of two releases are compared.
    name, password = f"harness-{10**7 + secrets.randbelow(9 * 10**7)}", secrets.token_hex(12)
    # Read before the harness creates any tickets of its own.
    tickets, queues = _newest_tickets(database, 3 if thorough else 1), _queues(database, 3 if thorough else 1)
    notifies_actor, customer, asked = _create_accounts(tools, name, password, database.patience(PATIENCE))
    jobs, jobs_left = optional_jobs.choose(database, tools, thorough=thorough)
    people = {who: word for who, word in accounts.items() if who not in ("root", "healthcheck")}
    return Visit(
        site,
        name,
        password,
        queue=name,
        answers=expected_answers(database, notifies_actor=notifies_actor),
        harmless_words=harmless_words(database, tickets),
        emoji=_accepts_emoji(database),
        queues=queues,
        customer=customer,
        customer_ticket=asked,
        tickets=tickets,
        dashboards=_dashboards(database, 20 if thorough else 1),
        people=people if thorough else dict(list(people.items())[:2]),
        thorough=thorough,
        subscribers=subscribers(database),
        jobs=tuple(jobs),
        jobs_left=tuple(jobs_left),
        patience=database.patience(JOB_LIMIT),
        tools=tools,
    )


def _create_accounts(tools: Rt, name: str, password: str, limit: float) -> tuple[bool, str, int]:
    """Create an administrator, a customer, a queue and the customer's ticket.

    limit: seconds. Return $NotifyActor, the customer's name and the ticket's number.
    """
    done = tools.perl(mails.with_guest(PROGRAM), name, password, limit=limit)
    need_in_time(done, f"RT {tools.release} did not make the accounts to try the site with", limit)
    if done.code:
        raise InfrastructureError(
            f"No account could be made on the copy to try the site with (exit code {done.code}).",
            [("Errors", redact.lines("\n".join(done.err.splitlines()[-5:])))],
        )
    notifies_actor, customer, asked = done.out.split()[-3:]
    return notifies_actor == "1", customer, int(asked)


def _newest_tickets(database: Database, count: int) -> tuple[int, ...]:
    """Return the ids of the newest tickets that people can open."""
    rows = database.rows(
        "SELECT id FROM Tickets WHERE Type = 'ticket' AND Status <> 'deleted' AND EffectiveId = id "
        "ORDER BY id DESC LIMIT %s",
        (count,),
    )
    return tuple(int(number) for (number,) in rows)


def _dashboards(database: Database, count: int) -> tuple[int, ...]:
    """Return the ids of the oldest dashboards of the system and of groups.

    Users' own are visible to them alone; those converted to a homepage are seen there.
    """
    rows = database.rows(
        "SELECT id FROM Attributes WHERE Name = 'Dashboard' AND ObjectType IN ('RT::System', 'RT::Group') "
        "ORDER BY id LIMIT %s",
        (count,),
    )
    return tuple(int(number) for (number,) in rows)


def _accepts_emoji(database: Database) -> bool:
    """Tell whether subjects may hold characters of four bytes."""
    charset = database.value(
        "SELECT character_set_name FROM information_schema.columns WHERE table_schema = DATABASE() "
        "AND table_name = 'Tickets' AND column_name = 'Subject'"
    )
    return bool(charset == "utf8mb4")

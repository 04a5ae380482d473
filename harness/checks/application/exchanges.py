"""Create, answer and search tickets by REST and by mail, after looking at the pages, and check the outcome.

A site's own scrips and mail plugins may route a ticket elsewhere, rewrite its subject or refuse its mail, and its
own pages may look like none of RT's. If the old release behaves in the same way, the upgrade is not the cause; so
the old release is asked whenever an outcome is unexpected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from harness.checks.application import pages, startup_log
from harness.checks.application.attempts import REPAIR, SLOW, attempt, expect
from harness.checks.application.mails import mails_about
from harness.checks.application.trial_visit import Visit
from harness.checks.cached_fact import CachedFact
from harness.checks.open_question import ask_or_leave_open
from harness.errors import InfrastructureError
from harness.rt import Rt, rest
from harness.rt.rest import Client, File
from harness.verdict import Finding, Report

ASCII = "Printer on fire"
_SENDER = "new-customer@customers.example.test"
_REST_TWO = "/opt/rt/share/lib/RT/REST2.pm"
_OF_ONE_SIDE = (
    (re.compile(r"\b(REST|ticket|attachment) \d+"), r"\1"),
    (re.compile(r"(/SelfService/\S*?=)[\w-]+"), r"\1"),
    (re.compile(r"\bharness-\d+"), "harness"),
    (re.compile(r"\bHTTP status \d+, "), ""),
)
"""Parts of messages that differ between two releases, or two copies, for the same outcome."""


@dataclass
class SiteOutcomes(CachedFact):
    """Unexpected outcomes on one side, in the form of `normalized`.

    said: complaints in the site's log meanwhile, by `startup_log.key`. slow: people's homepages without an answer.
    """

    release: str
    complaints: list[str]
    said: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)


Before = Callable[[], SiteOutcomes | None]
"""Lets the old release try the same on a copy of its own; returns None if it cannot be asked."""


def normalized(finding: Finding) -> str:
    """Return a complaint in the form common to both releases: without the REST version and ticket numbers."""
    text = f"{finding.where}: {finding.what}"
    for pattern, same in _OF_ONE_SIDE:
        text = pattern.sub(same, text)
    return text


def rest_versions(rt: Rt) -> Sequence[int]:
    """Return the versions of the REST interfaces that a release has."""
    return (1, 2) if rt.of_image("sh", "-c", f"ls {_REST_TWO} 2>/dev/null || true") else (1,)


def try_site(report: Report, visit: Visit) -> list[Finding]:
    """Try all of it; report unexpected outcomes. Return the findings that broke something off."""
    broken_off = pages.try_pages(report, visit)
    broken_off += [
        attempt(report, f"REST {version}", partial(try_rest, report, visit, version))
        for version in rest_versions(visit.rt)
    ]
    broken_off.append(attempt(report, "mail", lambda: try_mail(report, visit)))
    # Last: a person's own page may take as long as it likes, and must not keep the others from being tried.
    broken_off.append(attempt(report, "homepages", lambda: pages.open_homepages(report, visit)))
    return [one for one in broken_off if one]


def collect(visit: Visit) -> SiteOutcomes:
    """Return the unexpected outcomes of a release. Writes. Raises InfrastructureError if it gave no answer."""
    report = Report("application", "", repair=REPAIR)
    try_site(report, visit)
    slow = _slow_homepages(report)
    if others := [one for one in report.unanswered if one not in slow]:
        raise InfrastructureError(f"RT {visit.rt.release} was slow: {others[0]}.")
    _, errors = startup_log.parse_log(visit.rt.container.logs())
    return SiteOutcomes(visit.rt.release, sorted(map(normalized, report.findings)), sorted(errors), slow)


def _slow_homepages(report: Report) -> list[str]:
    return [one for one in report.unanswered if one.startswith(pages.HOMEPAGE)]


def judge(report: Report, visit: Visit, before: Before) -> None:
    """Try all of it; report unexpected outcomes that the old release does not show. Writes."""
    tried = replace(report, findings=[], looked_at=0)  # other threads add findings to the report meanwhile
    broken_off: list[Finding] = []
    try:
        broken_off = try_site(tried, visit)
    finally:
        report.looked_at += tried.looked_at
        report.findings += tried.findings  # before asking the old release, which may fail as well
        if tried.findings or _slow_homepages(report):
            _drop_known_findings(report, tried.findings, broken_off, before)


def _drop_known_findings(
    report: Report, found: Sequence[Finding], broken_off: Sequence[Finding], before: Before
) -> None:
    """Remove the findings that the old release makes as well. What broke off on both sides is an open question."""
    old = ask_or_leave_open(report, "how pages, and tickets by REST and mail, fared before", before)
    if old is None:
        return
    same = [one for one in found if normalized(one) in old.complaints]
    for one in same:
        report.findings.remove(one)
        if one in broken_off:
            report.unanswered.append(
                f"what comes after this, where RT {old.release} gets no further either: {normalized(one)}"
            )
    for slow in sorted({*_slow_homepages(report)} & {*old.slow}):
        report.unanswered.remove(slow)
        report.out_of_scope.append(f"{slow}, before the upgrade neither")
    if same:
        report.facts["known from the old release: pages and tickets"] = sorted({*map(normalized, same)})


def try_rest(report: Report, visit: Visit, version: int) -> None:
    """Create, read, reply, search, and get attachments back byte for byte."""
    where = f"REST {version}"
    blob = File("bytes.bin", bytes(range(256)) * 16 + b"\n\r\n\0\n\n", "application/octet-stream")
    note = File("Notiz ü.txt", f"{visit.text}\r\n\n".encode(), "text/plain; charset=utf-8")
    subject = f"{visit.text} {visit.mark} {version}"
    with rest.client(visit.rt, visit.user, visit.password, version) as client:
        ticket = client.create(visit.queue, subject, f"{visit.text}\nline two", [blob, note], Requestor=_SENDER)
        read = client.read(ticket)
        expect(report, where, "the subject came back as another text", good=read.get("Subject") == subject)
        expect(report, where, "the ticket is in another queue", good=read.get("Queue") == visit.queue)
        expect(report, where, "the requestor is not the one given", good=_SENDER in read.get("Requestor", []))
        client.reply(ticket, f"Answer {visit.text}")
        client.comment(ticket, f"Remark {visit.text}")
        found = client.search(f"Subject LIKE '{visit.mark} {version}'")
        expect(report, where, f"the search finds {len(found)} tickets instead of one", good=found == [ticket])
        _attachments(report, where, client, ticket, (blob, note))


def _attachments(report: Report, where: str, client: Client, ticket: int, files: tuple[File, ...]) -> None:
    held = client.attachments(ticket)
    for one in files:
        number = next((number for number, name in held.items() if name == one.name), None)
        expect(report, where, f"the file {one.name!r} is not among the attachments", good=number is not None)
        if number is not None:
            content = client.attachment(ticket, number)
            size = f"{len(content)} bytes instead of {len(one.content)}"
            expect(report, where, f"{one.name!r} came back changed, {size}", good=content == one.content)


def try_mail(report: Report, visit: Visit) -> None:
    """Send a mail in as the mail server would, and check the outgoing mail."""
    subject = f"{ASCII} {visit.mark} by mail"
    message = (
        f"From: {_SENDER}\nTo: rt@example.org\nSubject: {subject}\n"
        f"Message-ID: <{visit.mark}@customers.example.test>\n"
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
        f"{visit.text}\n"
    )
    sent = visit.rt.container.run(
        ["rt-mailgate", "--queue", visit.queue, "--action", "correspond", "--url", "http://127.0.0.1/", "--debug"],
        stdin=[message.encode()],
        limit=60,
    )
    if sent.timed_out:
        report.unanswered.append(f"mail gateway: {SLOW} 60 s")
        return
    refused = sent.code != 0 or "not ok" in sent.out + sent.err
    expect(report, "mail gateway", f"the mail is refused (exit code {sent.code})", good=not refused)
    with rest.client(visit.rt, visit.user, visit.password) as client:
        found = client.search(f"Subject LIKE '{visit.mark} by mail'")
        expect(report, "mail gateway", f"the mail made {len(found)} tickets instead of one", good=len(found) == 1)
        for ticket in found:
            client.reply(ticket, f"Answer {visit.text}")
    mails = mails_about(visit.rt, visit.mark, found)
    answered = [mail[1] for mail in mails if _SENDER in mail[0]]
    report.facts["mails that scrips send to a requestor"] = visit.answers
    expect(
        report,
        "outgoing mail",
        f"the sender got {len(answered)} mails where the site's scrips send {visit.answers}",
        good=len(answered) >= visit.answers,
    )
    tagged = all(re.search(r"\[[^\]]+ #N\]", subject) for subject in answered)
    expect(report, "outgoing mail", "a mail lacks the ticket's number in its subject", good=tagged)

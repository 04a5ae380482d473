"""Read the mail that a site sends from the file where the image keeps it, and compare it between two releases."""

from __future__ import annotations

import email
import email.policy
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path

from harness.checks.application import startup_log
from harness.checks.application.mails_by_chance import Chance, differences_between
from harness.checks.application.startup_log import StartupLogs
from harness.checks.cached_fact import CachedFact
from harness.checks.in_time import need_in_time
from harness.checks.log import allowances
from harness.checks.open_question import ask_or_leave_open
from harness.common import cache, redact
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.verdict import Report

PROGRAM = Path(__file__).parents[1] / "perl" / "mails.pl"
GUEST = PROGRAM.with_name("guest.pl")
MARK = "What the scrips send"
FEW_QUEUES, MOST_QUEUES = 3, 12
"""Number of queues tried if a person is waiting, and if no mail is sent in those: each costs half a second."""
PATIENCE = 300.0
"""Seconds to make the tickets of all queues in, on a small database."""
OWN = "own"
"""Key of the harness's own queue among those of the site."""
CUSTOMERS = tuple(f"{name}@customers.example.test" for name in ("another-customer", "colleague", "third"))
"""The harness's own requestor, Cc, and recipient of one answer. The visitor writes as others."""
_THESE = -1
OUTBOX = "/var/lib/rt-mail/outbox.mbox"
_HEADS = "/^From mail-sink@localhost /{head=1} head{print} /^$/{head=0}"
_ADDRESSES = ("From", "Reply-To")
_HEADERS = ("Precedence", "Auto-Submitted", "X-RT-Loop-Prevention", "Content-Type")
# Ticket numbers in any wording; the number of a queue stays.
_NUMBER = re.compile(r"(?<!queue )\b\d+\b")
_TICKET = re.compile(r"(?<=#)\d+\b|(?<=[+-])\d+(?=@)")
"""A ticket's number in the name or the address of a recipient."""
_ABOUT = re.compile(r"RT-Ticket(?:: \S.* #|-)(\d+)\b")
"""The ticket that a mail of RT's is about: its own header, and the reference that RT makes up for each ticket."""
_RANDOM = re.compile(r'; boundary="?[^";]*"?')


@dataclass
class Mails(CachedFact):
    """The actions and mails of one side.

    release: the RT release. actions: queue to the actions that succeeded there, in the order in which it was used;
    "own" is the harness's own queue.
    mails: as `mails_about`, hidden. said, errors: RT's log meanwhile, in the form of `startup_log.Start`.
    """

    release: str
    actions: dict[str, str]
    mails: list[list[str]]
    said: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def with_guest(program: Path) -> str:
    """Return a program that creates a test user, together with the code that defines the user."""
    return program.read_text(encoding="utf-8").replace("GUEST\n", GUEST.read_text(encoding="utf-8"), 1)


def read_outbox(rt: Rt) -> list[EmailMessage]:
    """Return the headers of the mails that a site has sent, oldest first.

    Bodies are not read: dashboards embed styles and pictures, and without the bodies a night's mail is a
    thousandth of the size.
    """
    text = rt.container.run(["sh", "-c", f"awk '{_HEADS}' {OUTBOX} 2>/dev/null || true"]).out
    parts = re.split(r"^From mail-sink@localhost [^\n]*\n", text, flags=re.MULTILINE)
    parsed = (email.message_from_string(part, policy=email.policy.default) for part in parts if part.strip())
    return [message for message in parsed if isinstance(message, EmailMessage)]


def ticket_numbers(raw: Mapping[str, str]) -> set[int]:
    """Return the tickets that a mail is about, by its headers (name in lower case to value)."""
    own = f"RT-Ticket: {raw.get('x-rt-ticket') or raw.get('rt-ticket', '')}"
    return {
        int(number)
        for number in _ABOUT.findall("\n".join((own, raw.get("in-reply-to", ""), raw.get("references", ""))))
    }


def mails_about(rt: Rt, mark: str, tickets: Collection[int] = ()) -> list[tuple[str, ...]]:
    """Return (recipients, subject, headers that matter ...) of the mails about some tickets, sorted.

    mark: a text in the subject of all of them, unless a site's templates set another subject.
    The mark, the ticket's number and random parts are removed, so that two releases can be compared.
    """
    found: list[tuple[str, ...]] = []
    for message in read_outbox(rt):
        raw = {name.lower(): " ".join(str(value).split()) for name, value in message.raw_items()}
        subject = _decoded(raw.get("subject", ""))
        if mark in subject or not ticket_numbers(raw).isdisjoint(tickets):
            numbers = _glued(ticket_numbers(raw).intersection(tickets) or tickets)
            raw = {name: _TICKET.sub("N", numbers.sub("N", _decoded(value))) for name, value in raw.items()}
            people = sorted(part.strip() for name in ("to", "cc", "bcc") for part in raw.get(name, "").split(","))
            headers = [f"{name}: {_RANDOM.sub('', raw.get(name.lower(), ''))}" for name in _HEADERS]
            headers += [f"{name}: {hide_addresses(raw.get(name.lower(), ''))}" for name in _ADDRESSES]
            subject = _NUMBER.sub("N", numbers.sub("N", subject).replace(mark, ""))
            found.append((", ".join(filter(None, people)), subject, *headers))
    return sorted(found)


def _glued(tickets: Collection[int]) -> re.Pattern[str]:
    """Return a pattern for tickets' numbers, also with letters around or zeros before: INC0001234.

    Three digits at least, because the short numbers of a new site are in other words as well.
    """
    numbers = "|".join(map(str, tickets)) or "(?!)"
    return re.compile(rf"(?<!queue )(?<!\d)(?=\d{{3}})0*(?:{numbers})(?!\d)")


def _decoded(raw: str) -> str:
    """Return a header decoded; as it was sent if its encoding is wrong."""
    try:
        return " ".join(str(make_header(decode_header(raw))).split())
    except (ValueError, LookupError):
        return raw


def collect(tools: Rt, few: int = 0, queues: Iterable[str] | None = None, *, limit: float = PATIENCE) -> Mails:
    """Let a release create, answer and solve a ticket in each of some queues; return the mails of its scrips.

    few: the number of queues to use of those in which mail is to be expected (0: all), and more of them if no mail
    is sent; queues: use these instead, by id. A queue of the harness's own is always added. limit: seconds.
    Writes. Raises InfrastructureError if the program ends without an answer.
    """
    numbers = [number for number in queues or () if number != OWN]
    limits = (few, MOST_QUEUES) if queues is None else (_THESE, 0)
    done = tools.perl(with_guest(PROGRAM), MARK, *map(str, limits), OUTBOX, *CUSTOMERS, *numbers, limit=limit)
    need_in_time(done, f"RT {tools.release} did not make its tickets and send mail", limit)
    try:
        if done.code:
            raise ValueError(f"exit code {done.code}")
        last = done.out.rstrip("\n").rpartition("\n")[2]  # a scrip may print as well
        told = json.loads(last)
        actions = {str(queue): str(what) for queue, what in told["done"]}
        tickets = {int(number) for number in told["tickets"]}
    except ValueError as error:
        lines = "\n".join(redact.line(line) for line in done.err.splitlines()[-15:])
        raise InfrastructureError(
            f"RT {tools.release} did not get as far as sending mail ({error}).", [("Errors", lines)]
        ) from error
    found = mails_about(tools, MARK, tickets)
    logged = startup_log.parse_log(done.err, allowances(), "site")
    return Mails(tools.release, actions, [[hide_addresses(people), *rest] for people, *rest in found], *logged)


def hide_addresses(addresses: str) -> str:
    """Return a list of addresses as keyed digests: comparable, but not identifying a person."""
    return ", ".join(
        cache.keyed_digest(address.strip().lower()) for address in addresses.split(",") if address.strip()
    )


def judge(
    report: Report,
    before: Mails | None,
    tools: Rt,
    starts: StartupLogs | None = None,
    again: Callable[[], Mails | None] = lambda: None,
    *,
    limit: float = PATIENCE,
) -> None:
    """Report mails that the new release (`tools`) no longer sends or sends otherwise, and its new complaints.

    starts: RT's log at every start, which no ticket causes. again: makes the old release send once more, on
    another copy; called only if something differs. limit: seconds for the new release.
    """
    if before is None:
        report.out_of_scope.append("mails as the old release would have sent them: nobody here can speak for it")
        return
    tried = [queue for queue in before.actions if queue != OWN]
    if not any(before.actions[queue] for queue in tried):
        report.unanswered.append(f"what scrips send: RT {before.release} made no ticket in {len(tried)} queues")
        return
    if not before.mails:
        report.out_of_scope.append(
            f"what scrips send, only that it is nothing as before: RT {before.release} sent no mail for tickets "
            f"in {len(tried)} queues"
        )
    if OWN not in before.actions:
        report.out_of_scope.append(
            f"what scrips send in a queue that all may write to: RT {before.release} let nobody make one"
        )
    after = collect(tools, queues=before.actions, limit=limit)
    chance = Chance()
    if (before.actions, before.mails) != (after.actions, after.mails):
        chance = chance_differences(report, before, again)
    compare(report, before, after, starts, chance)
    report.facts["mails before, by"] = f"RT {before.release}"


def chance_differences(report: Report, before: Mails, again: Callable[[], Mails | None]) -> Chance:
    """Return the differences between two runs of the old release; if it cannot run again, report an open
    question."""
    second = ask_or_leave_open(report, "whether mails go to others each time", again)
    if second is None:
        return Chance()
    own = map(hide_addresses, CUSTOMERS)
    found = differences_between(before.mails, second.mails, (before.actions, second.actions), own)
    report.out_of_scope += found.reservations(before.release)
    return found


def compare(
    report: Report, before: Mails, after: Mails, starts: StartupLogs | None = None, chance: Chance | None = None
) -> None:
    """Compare how both releases handle equal tickets, which mails they send for them, and what they log.

    chance: differences between two runs of one release, which are left out.
    """
    chance = chance or Chance()
    report.looked_at += len(before.mails) or len(before.actions)
    for queue, what in before.actions.items():
        now = after.actions.get(queue, "")
        if now != what and not chance.explains(queue, now):
            report.find(
                "mail",
                f"in queue {queue}: {what or 'nothing'} before, {now or 'nothing'} now",
                repair="try the same in that queue on a trial upgrade; look at its lifecycle and rights first",
            )
    gone, come = chance.unexplained(*(Counter(map(tuple, side.mails)) for side in (before, after)))
    for words, lost in (("no longer sent, or changed", gone), ("new, or changed", come)):
        if lost:
            kinds = [
                f"{len(mail[0].split(','))} recipients, {mail[1][:60]}, {', '.join(mail[2:])}" for mail in lost
            ]
            report.find(
                "mail",
                f"{lost.total()} mails are {words}",
                samples=tuple(map(redact.line, kinds)),
                repair="compare the scrips and templates that send them in both releases, and mend the site's own",
            )
    errors = {digest: text for digest, text in after.errors.items() if digest not in before.said}
    errors = starts.unusual(errors) if starts else errors
    if errors:
        report.find(
            "mail",
            f"RT logs {len(errors)} errors about tickets that it did not log before",
            samples=tuple(errors.values()),
            repair="find these lines in the log of a trial upgrade, and mend the scrip or template they name",
        )

"""The mail that a site sends: read back from where the image keeps it, and compared between two releases."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Sequence
from email.message import EmailMessage

from harness.rt import Rt
from harness.verdict import Report

CHECK = "mails"
OUTBOX = "/var/lib/rt-mail/outbox.mbox"
_HEADERS = ("From", "Reply-To", "Precedence", "Auto-Submitted", "X-RT-Loop-Prevention", "Content-Type")
_NUMBER = re.compile(r"#\d+\]")
_RANDOM = re.compile(r'; boundary="?[^";]*"?')
_SHOWN = 5


def outbox(rt: Rt) -> list[EmailMessage]:
    """Return the mails that a site has sent, oldest first."""
    text = rt.container.run(["sh", "-c", f"cat {OUTBOX} 2>/dev/null || true"]).out
    parts = re.split(r"^From mail-sink@localhost [^\n]*\n", text, flags=re.MULTILINE)
    parsed = (email.message_from_string(part, policy=email.policy.default) for part in parts if part.strip())
    return [one for one in parsed if isinstance(one, EmailMessage)]


def mails_about(rt: Rt, mark: str) -> list[tuple[str, ...]]:
    """Return (recipients, subject, headers that matter ...) of the mails whose subject holds `mark`, sorted.

    The mark, the ticket's number and what is random are taken out, so that two releases can be compared.
    """
    found: list[tuple[str, ...]] = []
    for one in outbox(rt):
        subject = " ".join(str(one.get("Subject", "")).split())
        if mark in subject:
            people = sorted(
                part.strip() for name in ("To", "Cc", "Bcc") for part in str(one.get(name, "")).split(",")
            )
            headers = [f"{name}: {_RANDOM.sub('', str(one.get(name, '')))}" for name in _HEADERS]
            found.append(
                (", ".join(filter(None, people)), _NUMBER.sub("#N]", subject.replace(mark, "")), *headers)
            )
    return sorted(found)


def compare_mails(before: Sequence[tuple[str, ...]], after: Sequence[tuple[str, ...]]) -> Report:
    """Compare what the old release sent with what the new one sends for the same mail and the same answer."""
    report = Report(CHECK, "Does the new release send the mails that the old one sent?", unit="mails")
    report.looked_at = len(before)
    for what, one, other in (("no longer sent, or changed", before, after), ("new, or changed", after, before)):
        missing = [mail for mail in one if mail not in other]
        if missing:
            kinds = [f"{mail[0].count('@')} recipients, subject of {len(mail[1])} characters" for mail in missing]
            report.find("mail", f"{len(missing)} mails are {what}", samples=tuple(kinds[:_SHOWN]))
    return report

"""Read a release's log of its start: messages that no job, page or step causes, and that often are not new.

A site's options and data may make RT complain at every start for years. A message that the old release logs as
well is not the upgrade's fault; an error that only the target logs is one finding, not one for each program that
starts RT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.checks.cached_fact import CachedFact
from harness.checks.in_time import need_in_time
from harness.checks.log import LogAllowance, LogRecord, complaints, records, shape
from harness.checks.open_question import ask_or_leave_open
from harness.common import cache, redact
from harness.common.once import once
from harness.rt import Rt
from harness.verdict import Report

PROGRAM = "use RT; RT::LoadConfig(); RT::Init();"
PATIENCE = 300.0
"""Seconds for a start. It reads little of the data."""


@dataclass
class Start(CachedFact):
    """A release's log at its start. said: by `key`, messages without values; errors: the complaints."""

    release: str
    said: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def collect(tools: Rt, allowed: Sequence[LogAllowance] = ()) -> Start:
    """Start a release on its database, and return its log. allowed: known complaints.

    It runs in a process of its own: a process that has RT loaded has read the configuration before, and would not
    log those messages again. Raises InfrastructureError if it was ended before that: it has said too little, and
    what the other release says would seem new.
    """
    done = tools.perl_alone(PROGRAM, limit=PATIENCE)
    need_in_time(done, f"RT {tools.release} did not start", PATIENCE)
    return Start(tools.release, *parse_log(done.err, allowed))


def parse_log(
    text: str, allowed: Sequence[LogAllowance] = (), tool: str = "*"
) -> tuple[dict[str, str], dict[str, str]]:
    """Return a program's log messages, and the complaints among them: both by `key`. tool: the program's name."""
    found = records(text.splitlines())
    bad, _ = complaints(found, allowed, tool)
    said, errors = ({key(record): redact.line(record.message) for record in some} for some in (found, bad))
    return said, errors


def key(record: LogRecord) -> str:
    """Return a digest of level and message shape: equal for records with the same message.

    The printable form of a message is not specific enough: a lost attachment and a site's own greeting are equal
    in it.
    """
    return cache.keyed_digest(f"{record.level}\n{shape(record.message)}")


class StartupLogs:
    """The start logs of both releases; read only if a program on the new side logged anything."""

    def __init__(
        self, tools: Rt, before: Callable[[], Start | None] = lambda: None, allowed: Sequence[LogAllowance] = ()
    ) -> None:
        """Remember the sources. before: the old release's start log, None if it cannot be asked."""
        self._tools, self._before, self._allowed = tools, before, allowed
        self.asked = False
        self.unanswered: list[str] = []
        """The questions that stay open: several parts of a check share the answers, and all go on."""

    @once
    def _now(self) -> Start | None:
        """Return the target's start log; None if it could not be had."""
        self.asked = True
        return ask_or_leave_open(
            self, "what is logged at every start", lambda: collect(self._tools, self._allowed)
        )

    @once
    def _known(self) -> frozenset[str] | None:
        """Return the messages of the old release's start by `key`; None if it failed to answer."""

        def ask() -> frozenset[str]:
            before = self._before()
            return frozenset(before.said if before else ())

        return ask_or_leave_open(self, "what was logged at every start before", ask)

    def others(self, found: Sequence[LogRecord]) -> list[LogRecord]:
        """Return the records that neither release writes at every start."""
        usual = self._usual if found else frozenset()
        return [record for record in found if key(record) not in usual]

    def unusual(self, found: Mapping[str, str]) -> dict[str, str]:
        """Return those of the messages by `key` that neither release writes at every start."""
        usual = self._usual if found else frozenset()
        return {digest: text for digest, text in found.items() if digest not in usual}

    @property
    def _usual(self) -> frozenset[str]:
        now = self._now()
        return (self._known() or frozenset()) | {*(now.said if now else ())}

    def judge(self, report: Report) -> None:
        """Add the target's start log as a fact, and its new errors as findings; nothing if it was never read.

        If the old release failed to answer, nobody knows which errors are new: that is an open question.
        """
        if not self.asked:
            return
        now, known = self._now(), self._known()
        report.unanswered += self.unanswered
        if now and now.said:
            report.facts["said at every start"] = sorted({*now.said.values()})
        if now is None or known is None:
            return
        new = sorted({text for digest, text in now.errors.items() if digest not in known})
        if new:
            report.find(
                "start",
                f"RT {now.release} logs {len(new)} errors whenever it starts, which were not logged before",
                samples=tuple(new),
                repair="look at the options of CONFIG and of the database that they name",
            )

"""Read a release's log of its start: messages that no job, page or step causes, and that often are not new.

A site's options and data may make RT complain at every start for years. A message that the old release logs as
well is not the upgrade's fault; an error that only the target logs is one finding, not one for each program that
starts RT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from harness.checks.cached_fact import Remembered
from harness.checks.log import LogAllowance, LogRecord, complaints, records, shape
from harness.common import cache, redact
from harness.rt import Rt
from harness.verdict import Report

PROGRAM = "use RT; RT::LoadConfig(); RT::Init();"
_SHOWN = 5


@dataclass
class Start(Remembered):
    """A release's log at its start. said: by `key`, messages without values; errors: the complaints."""

    release: str
    said: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def collect(tools: Rt, allowed: Sequence[LogAllowance] = ()) -> Start:
    """Start a release on its database, and return its log. allowed: known complaints.

    It runs in a process of its own: a process that has RT loaded has read the configuration before, and would not
    log those messages again.
    """
    return Start(tools.release, *parse_log(tools.perl_alone(PROGRAM).err, allowed))


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
    return cache.keyed(f"{record.level}\n{shape(record.message)}")


class StartupLogs:
    """The start logs of both releases; read only if a program on the new side logged anything."""

    def __init__(
        self, tools: Rt, before: Callable[[], Start | None] = lambda: None, allowed: Sequence[LogAllowance] = ()
    ) -> None:
        """Remember the sources. before: the old release's start log, None if it cannot be asked."""
        self._tools, self._before, self._allowed = tools, before, allowed
        self.asked = False

    @cached_property
    def _now(self) -> Start:
        self.asked = True
        return collect(self._tools, self._allowed)

    @cached_property
    def _known(self) -> frozenset[str]:
        before = self._before()
        return frozenset(before.said if before else ())

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
        return self._known | {*self._now.said}

    def judge(self, report: Report) -> None:
        """Add the target's start log as a fact, and its new errors as findings; nothing if it was never read."""
        if not self.asked:
            return
        if self._now.said:
            report.facts["said at every start"] = sorted({*self._now.said.values()})
        new = sorted({text for digest, text in self._now.errors.items() if digest not in self._known})
        if new:
            report.find(
                "start",
                f"RT {self._now.release} logs {len(new)} errors whenever it starts, which were not logged before",
                samples=tuple(new[:_SHOWN]),
                repair="look at the options of CONFIG and of the database that they name",
            )

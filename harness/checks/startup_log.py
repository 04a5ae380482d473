"""What a release logs whenever it starts: no job's, page's or step's doing, and often nothing new.

A site's options and data may make RT complain at every start for years. What the old release said as well is no
matter of the upgrade; an error that only the target says is one finding, not one of each program that starts RT.
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
    """What one release logs when it starts. said: by `key`, messages without values; errors: the complaints."""

    release: str
    said: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def heard(tools: Rt, allowed: Sequence[LogAllowance] = ()) -> Start:
    """Start a release on its database, and return what it says. allowed: complaints that are known.

    In a process of its own: one that has RT loaded already has read the configuration, with what was said then.
    """
    return Start(tools.release, *told(tools.perl_alone(PROGRAM).err, allowed))


def told(
    text: str, allowed: Sequence[LogAllowance] = (), tool: str = "*"
) -> tuple[dict[str, str], dict[str, str]]:
    """Return what a program of that name wrote to its log, and which of it are complaints: messages by `key`."""
    found = records(text.splitlines())
    bad, _ = complaints(found, allowed, tool)
    said, errors = ({key(one): redact.line(one.message) for one in some} for some in (found, bad))
    return said, errors


def key(one: LogRecord) -> str:
    """Return what two records have in common that say the same: level and shape of the message, as a digest.

    What may be shown of a message will not do: a lost attachment and a greeting of the site's own are alike there.
    """
    return cache.keyed(f"{one.level}\n{shape(one.message)}")


class Starts:
    """What both releases say when they start; asked only where a program on the new side said anything."""

    def __init__(
        self, tools: Rt, before: Callable[[], Start | None] = lambda: None, allowed: Sequence[LogAllowance] = ()
    ) -> None:
        """Remember whom to ask. before: what the old release says, None where nobody speaks for it."""
        self._tools, self._before, self._allowed = tools, before, allowed
        self.asked = False

    @cached_property
    def _now(self) -> Start:
        self.asked = True
        return heard(self._tools, self._allowed)

    @cached_property
    def _known(self) -> frozenset[str]:
        before = self._before()
        return frozenset(before.said if before else ())

    def others(self, found: Sequence[LogRecord]) -> list[LogRecord]:
        """Return the records that neither release writes at every start."""
        usual = self._usual if found else frozenset()
        return [one for one in found if key(one) not in usual]

    def unusual(self, found: Mapping[str, str]) -> dict[str, str]:
        """Return of messages by `key` those that neither release writes at every start."""
        usual = self._usual if found else frozenset()
        return {one: text for one, text in found.items() if one not in usual}

    @property
    def _usual(self) -> frozenset[str]:
        return self._known | {*self._now.said}

    def judge(self, report: Report) -> None:
        """Say what the target says at every start, and find what of it are new errors; nothing if nobody asked."""
        if not self.asked:
            return
        if self._now.said:
            report.facts["said at every start"] = sorted({*self._now.said.values()})
        new = sorted({text for one, text in self._now.errors.items() if one not in self._known})
        if new:
            report.find(
                "start",
                f"RT {self._now.release} logs {len(new)} errors whenever it starts, which were not logged before",
                samples=tuple(new[:_SHOWN]),
                repair="look at the options of CONFIG and of the database that they name",
            )

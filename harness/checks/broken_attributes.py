"""Tell which attributes the old release cannot read either, of those that the upgrade complains of.

RT logs an error for each attribute whose frozen content it cannot thaw: a saved search that was damaged years ago,
for example. If the old release cannot thaw it either, nothing is lost by the upgrade.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from harness.checks.cached_fact import CachedFact
from harness.checks.in_time import need_in_time
from harness.checks.log import LogRecord
from harness.checks.open_question import ask_or_leave_open
from harness.common.wording import listed
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.verdict import MOST_SAMPLES, Report

PROGRAM = """
use RT;
RT::LoadConfig();
RT::Init();
for my $id (@ARGV) {
    my $attribute = RT::Attribute->new(RT->SystemUser);
    $attribute->Load($id);
    next unless $attribute->id && ($attribute->ContentType // '') eq 'storable';
    print "$id\\n" unless ref eval { $attribute->Content };
}
"""
PATIENCE = 300.0
"""Seconds for reading some attributes."""
_FAILED = re.compile(r"^Deserialization of (?:content for )?attribute (\d+) failed\b")


@dataclass
class BrokenAttributes(CachedFact):
    """The ids of attributes that a release cannot read, of those that it was asked about."""

    release: str
    ids: list[int] = field(default_factory=list)


Before = Callable[[Sequence[int]], BrokenAttributes | None]
"""Lets the old release read attributes by their ids; returns None if it cannot be asked."""


def collect(tools: Rt, named: Sequence[int]) -> BrokenAttributes:
    """Let a release read these attributes. Raises InfrastructureError if it did not come to the end of them."""
    done = tools.perl(PROGRAM, *map(str, named), limit=PATIENCE)
    need_in_time(done, f"RT {tools.release} did not read the attributes", PATIENCE)
    if done.code:
        raise InfrastructureError(f"RT {tools.release} did not read the attributes (exit code {done.code}).")
    return BrokenAttributes(tools.release, [int(line) for line in done.out.split()])


def others(report: Report, bad: list[LogRecord], before: Before) -> list[LogRecord]:
    """Return the complaints that are not about an attribute which the old release cannot read either."""
    of = {record: int(failed[1]) for record in bad if (failed := _FAILED.match(record.message))}
    if not of:
        return bad
    question = "which attributes the old release can read"
    old = ask_or_leave_open(report, question, lambda: before(sorted({*of.values()})), said_once=True)
    known = {number for number in of.values() if old and number in old.ids}
    if old and known:
        named = listed([str(number) for number in sorted(known)], MOST_SAMPLES)
        report.allowed.append(f"RT {old.release} cannot read the content of attribute {named} either")
    return [record for record in bad if of.get(record) not in known]

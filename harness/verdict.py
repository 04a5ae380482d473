"""Define the reports of checks, and the verdict they add up to: GO, NO-GO or NOT PROVEN."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import Enum
from typing import Any

from harness.common.wording import amount
from harness.errors import Block, render

MOST_SAMPLES = 8
"""Maximum number of samples that a finding keeps: the sentence has their number, and its SQL or a block all."""


@dataclass(frozen=True)
class Finding:
    """A defect of the site.

    check: name of the check that found it. where: table, file, URL or step. what: one sentence with numbers.
    samples: a few keys of affected rows. sql: a statement that shows it. repair: what would fix it.
    """

    check: str
    where: str
    what: str
    samples: tuple[str, ...] = ()
    sql: str = ""
    repair: str = ""
    blocks: tuple[Block, ...] = ()

    def __str__(self) -> str:
        """Return the finding as text: sentence, samples, SQL, blocks, repair."""
        blocks: list[Block] = []
        if self.samples:
            blocks.append(("Samples", "\n".join(self.samples)))
        if self.sql:
            blocks.append(("See it with", self.sql))
        return render(f"[{self.check}] {self.where}: {self.what}", [*blocks, *self.blocks], self.repair)


@dataclass
class Report:
    """The result of a check. No `findings` with a `looked_at` of zero is not a pass: nothing was looked at."""

    check: str
    question: str
    findings: list[Finding] = field(default_factory=list)
    looked_at: int = 0
    unit: str = "things"
    allowed: list[str] = field(default_factory=list)
    out_of_scope: list[str] = field(default_factory=list)
    """What lies outside of the question, or was left out on purpose: reported, without effect on the verdict."""
    unanswered: list[str] = field(default_factory=list)
    """Parts of the question that could not be answered: the verdict is at best NOT PROVEN."""
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    repair: str = ""
    """Default repair of the check's findings."""

    def find(self, where: str, what: str, **rest: Any) -> None:
        """Add a finding of this check, with the check's `repair` unless another one is given.

        Only the first MOST_SAMPLES of its samples are kept.
        """
        rest["repair"] = rest.get("repair") or self.repair
        rest["samples"] = tuple(rest.get("samples", ()))[:MOST_SAMPLES]
        self.findings.append(Finding(self.check, where, what, **rest))

    @property
    def vacuous(self) -> bool:
        """Whether the check had nothing to look at."""
        return self.looked_at == 0 and not self.findings

    def __bool__(self) -> bool:
        """Return whether the check looked at something and found nothing: `assert report` reads as it should."""
        return not self.findings and not self.unanswered and not self.vacuous

    def __str__(self) -> str:
        """Return the findings as text, or one line about what was looked at."""
        if self.findings:
            return "\n\n".join(str(finding) for finding in self.findings)
        if self.unanswered:
            return "\n".join(f"[{self.check}] not answered: {text}" for text in self.unanswered)
        if self.vacuous:
            return f"[{self.check}] had nothing to look at, which proves nothing."
        return f"[{self.check}] {amount(self.looked_at, self.unit)}, nothing found."

    def to_json(self) -> str:
        """Return the report as JSON, for transport between worker processes and for `report.json`."""
        return json.dumps(asdict(self), ensure_ascii=False, default=str)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Read the output of `to_json`."""
        data = json.loads(text)
        data["findings"] = [
            Finding(**{**found, "samples": tuple(found["samples"]), "blocks": tuple(map(tuple, found["blocks"]))})
            for found in data["findings"]
        ]
        return cls(**data)


class Verdict(Enum):
    """The three verdicts, with the exit code of each."""

    GO = "GO"
    NO_GO = "NO-GO"
    NOT_PROVEN = "NOT PROVEN"

    @property
    def exit_code(self) -> int:
        """Exit code: 0 GO, 1 NO-GO, 2 NOT PROVEN (3, wrong usage, is no verdict)."""
        return {"GO": 0, "NO-GO": 1, "NOT PROVEN": 2}[self.value]


@dataclass(frozen=True)
class Accepted:
    """A signed-off finding: it is shown, but does not count until the day `until` has passed."""

    finding: Finding
    who: str
    why: str
    until: date


@dataclass
class Outcome:
    """The result of a run: the reports, and the reasons why others are missing."""

    reports: list[Report] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    """Reasons why questions were not answered, such as infrastructure errors and skips: one text each."""
    expected: tuple[str, ...] = ()
    """Names of the checks that the run promised. One without a report is unproven."""
    accepted: list[Accepted] = field(default_factory=list)
    """Signed-off findings (`harness.report.acceptance`), removed from the reports."""
    remarks: list[str] = field(default_factory=list)
    """Remarks without effect on the verdict, such as an acceptance that matches no finding any more."""
    no_upgrade: str = ""
    """Why there was no upgrade to judge, because both sides are of one release; "" if there was one."""

    def missing(self) -> list[str]:
        """Return the names of promised checks without a report."""
        seen = {report.check for report in self.reports}
        return [name for name in self.expected if name not in seen]

    def unproven(self) -> list[str]:
        """Return every reason why something is unproven, in reading order."""
        vacuous = [str(report) for report in self.reports if report.vacuous and not report.unanswered]
        missing = [f"[{name}] never reported." for name in self.missing()]
        of_checks = [f"[{report.check}] {text}" for report in self.reports for text in report.unanswered]
        return [*self.unanswered, *missing, *vacuous, *of_checks]

    def findings(self) -> list[Finding]:
        """Return all findings of all reports."""
        return [finding for report in self.reports for finding in report.findings]

    def verdict(self) -> Verdict:
        """Return NO-GO if anything was found; else NOT PROVEN if anything is unproven; else GO."""
        if self.findings():
            return Verdict.NO_GO
        if self.unproven() or not self.reports:
            return Verdict.NOT_PROVEN
        return Verdict.GO

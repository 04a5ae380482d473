"""What a check reports and what the reports add up to: GO, NO-GO or NOT PROVEN."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import Enum
from typing import Any

from harness.common.wording import amount
from harness.errors import Block, render


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with the site.

    check: name of the check that found it. where: table, file, URL or step. what: one sentence with numbers.
    samples: a few keys that show it. sql: a statement that shows it again. repair: what would mend it.
    """

    check: str
    where: str
    what: str
    samples: tuple[str, ...] = ()
    sql: str = ""
    repair: str = ""
    blocks: tuple[Block, ...] = ()

    def __str__(self) -> str:
        """Lay the finding out: sentence, samples, SQL, blocks, repair."""
        blocks: list[Block] = []
        if self.samples:
            blocks.append(("Samples", "\n".join(self.samples)))
        if self.sql:
            blocks.append(("See it with", self.sql))
        return render(f"[{self.check}] {self.where}: {self.what}", [*blocks, *self.blocks], self.repair)


@dataclass
class Report:
    """A check's answer. Empty `findings` with `looked_at` of zero is not a pass: nothing was looked at."""

    check: str
    question: str
    findings: list[Finding] = field(default_factory=list)
    looked_at: int = 0
    unit: str = "things"
    allowed: list[str] = field(default_factory=list)
    out_of_scope: list[str] = field(default_factory=list)
    """What lies outside of the question, or was left out on purpose: said, without weight for the verdict."""
    unanswered: list[str] = field(default_factory=list)
    """What belongs to the question and could not be answered: the verdict is NOT PROVEN at best."""
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    repair: str = ""
    """What to do about any finding of this check that says nothing more exact."""

    def find(self, where: str, what: str, **rest: Any) -> None:
        """Add a finding of this check. Without a `repair` of its own it has the check's."""
        rest["repair"] = rest.get("repair") or self.repair
        self.findings.append(Finding(self.check, where, what, **rest))

    @property
    def vacuous(self) -> bool:
        """Whether the check had nothing to look at."""
        return self.looked_at == 0 and not self.findings

    def __bool__(self) -> bool:
        """Return whether the check found nothing although it looked: `assert report` reads as it should."""
        return not self.findings and not self.unanswered and not self.vacuous

    def __str__(self) -> str:
        """Return the findings as text, or one line saying what was looked at."""
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
        """Read what `to_json` wrote."""
        data = json.loads(text)
        data["findings"] = [
            Finding(**{**found, "samples": tuple(found["samples"]), "blocks": tuple(map(tuple, found["blocks"]))})
            for found in data["findings"]
        ]
        return cls(**data)


class Verdict(Enum):
    """The three answers, with the exit code of each."""

    GO = "GO"
    NO_GO = "NO-GO"
    NOT_PROVEN = "NOT PROVEN"

    @property
    def exit_code(self) -> int:
        """0 GO, 1 NO-GO, 2 NOT PROVEN (3, wrong usage, is no verdict)."""
        return {"GO": 0, "NO-GO": 1, "NOT PROVEN": 2}[self.value]


@dataclass(frozen=True)
class Accepted:
    """A finding that somebody signed off: it is shown, and does not count until `until` has passed."""

    finding: Finding
    who: str
    why: str
    until: date


@dataclass
class Outcome:
    """Everything a run has to say: the reports, and what kept others from being made."""

    reports: list[Report] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    """Infrastructure errors, skips and other reasons why a question was not answered: one text each."""
    expected: tuple[str, ...] = ()
    """Names of the checks that the run promised. One that made no report is unproven."""
    accepted: list[Accepted] = field(default_factory=list)
    """Findings that were signed off (`harness.report.acceptance`). They are no longer among the reports' own."""
    remarks: list[str] = field(default_factory=list)
    """Worth saying, without weight for the verdict: an acceptance that matches nothing any more."""

    def missing(self) -> list[str]:
        """Names of promised checks that never reported."""
        seen = {report.check for report in self.reports}
        return [name for name in self.expected if name not in seen]

    def unproven(self) -> list[str]:
        """Every reason why something is unproven, in reading order."""
        vacuous = [str(report) for report in self.reports if report.vacuous and not report.unanswered]
        missing = [f"[{name}] never reported." for name in self.missing()]
        of_checks = [f"[{report.check}] {text}" for report in self.reports for text in report.unanswered]
        return [*self.unanswered, *missing, *vacuous, *of_checks]

    def findings(self) -> list[Finding]:
        """All findings of all reports."""
        return [finding for report in self.reports for finding in report.findings]

    def verdict(self) -> Verdict:
        """NO-GO if anything was found; else NOT PROVEN if anything is unproven; else GO."""
        if self.findings():
            return Verdict.NO_GO
        if self.unproven() or not self.reports:
            return Verdict.NOT_PROVEN
        return Verdict.GO

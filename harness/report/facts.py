"""What a run was: everything beside its verdict that a reader needs to judge or repeat it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class ImageFact:
    """An image that was used. role: what for, such as "RT 5.0.3" or "database"; digest: its name in a registry."""

    role: str
    tag: str
    id: str = ""
    digest: str = ""


@dataclass(frozen=True)
class StepFact:
    """One upgrade step that ran: its name, how long it took, and what kinds of work it did."""

    name: str
    seconds: float
    actions: tuple[str, ...] = ()


@dataclass
class RunFacts:
    """The facts of one run.

    id: names its directory below reports/. pair: "4.4.6-to-5.0.3@mariadb-10.11". manifest: the facts beside the
    dump, None where it came without. started: with its time zone. command: lines that repeat the run. host:
    names to texts. steps: the upgrade's own.

    facts: anything else, shown as tables. Facts of a check that are worth knowing before an upgrade have a section
    of their own (`harness.report.before`). Two names have a chart of their own, here and in the facts of a check:
    "row_changes", a list of {table, before, after, added, removed, changed, unexplained} (rows; unexplained: how
    many of them no allowance covers), and "timeline", a list of {t, kind, label, lane} and optionally `until`
    (seconds since the first moment; kinds: see `harness.report.timeline`).
    """

    id: str
    pair: str
    server: str = ""
    dump: str = ""
    dump_sha256: str = ""
    manifest: dict[str, Any] | None = None
    images: list[ImageFact] = field(default_factory=list)
    started: datetime | None = None
    seconds: float = 0.0
    command: str = ""
    host: dict[str, str] = field(default_factory=dict)
    steps: list[StepFact] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

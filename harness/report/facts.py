"""Describe a run: everything besides its verdict that a reader needs to judge or repeat it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class ImageFact:
    """An image that was used. role: its purpose, such as "RT 5.0.3" or "database".

    Digest: its name in a registry.
    """

    role: str
    tag: str
    id: str = ""
    digest: str = ""


@dataclass(frozen=True)
class StepFact:
    """An upgrade step that ran: its name, its duration in seconds, and the kinds of work it did.

    failed: the upgrade ended in it.
    """

    name: str
    seconds: float
    actions: tuple[str, ...] = ()
    failed: bool = False


@dataclass
class RunFacts:
    """The facts of one run.

    id: names its directory below reports/. pair: "4.4.6-to-5.0.3@mariadb-10.11". manifest: the facts beside the
    dump, None if it has none. started: with its time zone. command: lines that repeat the run. host: names to
    texts. steps: the upgrade's own. figures: what was measured, by name, shown on top.

    trial: what was tried if nothing was upgraded, such as "Kill test": the report then has that for its headline,
    and no verdict about an upgrade.

    facts: anything else, shown as tables. Facts of a check that matter before an upgrade have a section of their
    own (`harness.report.before`). Two names have a chart of their own, here and in the facts of a check:
    "row_changes", a list of {table, before, after, added, removed, changed, unexplained} (rows; unexplained: how
    many of them no allowance covers), and "timeline", a list of {t, kind, label, lane} and optionally `until`
    (seconds since the first event; kinds: see `harness.report.timeline`).
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
    trial: str = ""
    figures: dict[str, str] = field(default_factory=dict)

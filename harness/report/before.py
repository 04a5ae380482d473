"""Show what to read before the upgrade, as the checks noted it in two facts.

"before the upgrade" is a list of {fact, title, items}, the most important first; fact: the name under which the
items are also among the check's facts. "what UPGRADING says of this way" is a list of {file, heading, speaks_of,
text}; speaks_of: the site's own things that it names.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.checks import preflight
from harness.checks.preflight import configuration as preflight_configuration
from harness.common.wording import one_line
from harness.verdict import Outcome

KNOWING, PASSAGES = preflight.BEFORE, preflight_configuration.PASSAGES
"""Names of the two facts."""
MOST_ITEMS, MOST_PASSAGES = 8, 20
"""Maximum numbers in a text; report.html has them all."""
_SHORT = 60


@dataclass(frozen=True)
class Group:
    """Items of one kind: names shown side by side, or sentences."""

    title: str
    items: tuple[str, ...]

    @property
    def names(self) -> bool:
        """Whether the items are short enough to be shown side by side."""
        return all(len(item) <= _SHORT and " " not in item for item in self.items)


@dataclass(frozen=True)
class Passage:
    """A part of a release's own notes: its place, the site's own things that it names, and its text."""

    file: str
    heading: str
    speaks_of: str
    text: str

    @property
    def title(self) -> str:
        """Return the title of the passage: the releases it is for."""
        return f"FROM {self.heading}"


def groups(outcome: Outcome) -> list[Group]:
    """Return the groups of items, the most important first."""
    return [Group(str(one["title"]), tuple(map(str, one["items"]))) for one in _rows(outcome, KNOWING)]


def passages(outcome: Outcome) -> list[Passage]:
    """Return the passages for this upgrade, in the order of the documents."""
    return [
        Passage(str(one["file"]), str(one["heading"]), ", ".join(map(str, one["speaks_of"])), str(one["text"]))
        for one in _rows(outcome, PASSAGES)
    ]


def shown(facts: dict[str, Any]) -> set[str]:
    """Return the names of a check's facts that are shown here already."""
    return {KNOWING, PASSAGES, *(str(one["fact"]) for one in facts.get(KNOWING) or ())}


def lines(outcome: Outcome, width: int) -> Iterator[str]:
    """Yield both as lines of text, limited in number and length; nothing if there are none."""
    for group in groups(outcome):
        if group.names:
            yield _folded(f"- {group.title}: {', '.join(group.items)}", width, indent=2)
            continue
        yield f"  - {group.title}:"
        yield from _some([_folded(item, width) for item in group.items], MOST_ITEMS)
    told = [
        f"      {one.file}, {one.title}" + (f" (speaks of {one.speaks_of})" if one.speaks_of else "")
        for one in passages(outcome)
    ]
    if told:
        yield "  - Read what the release says of this way (the passages are in report.html):"
        yield from _some([one_line(line, width) for line in told], MOST_PASSAGES)


def _folded(item: str, width: int, indent: int = 6) -> str:
    first, more = " " * indent, " " * (indent + 2)
    return textwrap.fill(
        item, width, initial_indent=first, subsequent_indent=more, max_lines=3, placeholder=" ..."
    )


def _some(every: list[str], most: int) -> Iterator[str]:
    yield from every[:most]
    if len(every) > most:
        yield f"      ... and {len(every) - most} more in report.html"


def _rows(outcome: Outcome, name: str) -> list[dict[str, Any]]:
    return [row for report in outcome.reports for row in report.facts.get(name) or ()]

"""Report what was not compared because the old release could not tell of it, or because both releases refuse it.

An old site has a few such records, and they are named. More of them mean that a part of the question is open: what
the upgrade did to records that were never told of is unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from harness.checks.meaning.told import BELONGING, Meaning, Sections, by_holder
from harness.common.wording import listed, number
from harness.verdict import MOST_SAMPLES, Report

DIED = "[died]"
"""Begin of a complaint about a subject, or about one of its objects, of which a release could not tell."""
FEW = 5
"""Number of records of a section that may be left out and named, however small the section is."""
ONE_IN = 100
"""In a large section one record in so many may be left out."""
FINDS = "finds"
_REFUSED = {"searches": "saved searches", "queries": "searches that were made of what is in the data"}
"""Sections whose entries a release may refuse to answer, and what these entries are."""
Untold = set[tuple[str, str]]
"""Pairs of section and key of an object; "" for all objects of the section."""


def which(complaint: str) -> tuple[str, str]:
    """Return the section and the key, if any, of "[died] custom fields 12: why"."""
    section, _, key = complaint.removeprefix(DIED).partition(":")[0].strip().rpartition(" ")
    return (section, key) if key.isdigit() else (f"{section} {key}".strip(), "")


def find_untold(side: Meaning) -> Untold:
    """Return what a side could not tell."""
    found = {which(one) for one in side.complaints if one.startswith(DIED)}
    # A query is its own key, and has any text; so its entry says that it died.
    queries = side.sections.get("queries", {})
    found |= {("queries", key) for key, fields in queries.items() if fields.get(FINDS) == "died"}
    return found | {(other, "") for section, key in found if not key for other in BELONGING.get(section, ())}


def without(sections: Sections, left_out: Untold) -> Sections:
    """Return the sections without the parts that one of the sides could not tell, or not completely."""
    if not left_out:
        return sections
    return {
        name: {key: fields for key, fields in keys.items() if (name, key) not in left_out}
        for name, keys in sections.items()
        if (name, "") not in left_out
    }


def judge_untold(report: Report, before: Meaning, left_out: Untold) -> None:
    """Name the records that the old release could not tell of; whole sections and too many records stay open."""
    single: dict[str, list[str]] = defaultdict(list)
    for section, key in sorted(left_out):
        if key:
            single[section].append(key)
        else:
            report.unanswered.append(f"{section}: the old release could not tell of them")
    for section, keys in single.items():
        named = listed(sorted(keys, key=lambda one: (len(one), one)), MOST_SAMPLES)
        total = len({*by_holder(before.sections.get(section, {})), *keys})
        if len(keys) > max(FEW, total // ONE_IN) or _most(keys, total):
            report.unanswered.append(
                f"{section} {named}: the old release itself cannot tell of {number(len(keys))} of {number(total)}"
            )
            continue
        it = "it" if len(keys) == 1 else "them"
        report.out_of_scope.append(f"{section} {named}: the old release itself cannot tell of {it}")


def judge_refused(report: Report, before: Sections, after: Sections) -> None:
    """Count the searches that both releases refuse, or cannot read; if these are most of them, that stays open."""
    for section, what in _REFUSED.items():
        old, new = before.get(section, {}), after.get(section, {})
        for answer, why in (("refused", "refuse"), ("unreadable", "cannot read")):
            same = [key for key in old if answer == old[key].get(FINDS) == new.get(key, {}).get(FINDS)]
            if same:
                named = listed(sorted(same, key=lambda one: (len(one), one)), MOST_SAMPLES)
                text = f"{number(len(same))} of {number(len(old))} {what}, which both releases {why}: {named}"
                (report.unanswered if _most(same, len(old)) else report.out_of_scope).append(text)


def _most(some: Collection[str], total: int) -> bool:
    """Tell whether these are more than half of all. One record may be the only one of a small site."""
    return len(some) > 1 and 2 * len(some) > total

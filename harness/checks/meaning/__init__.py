"""Check that RT itself, old and new side by side, says the same about the data.

The old release is asked about the old database and the new one about the upgraded database (`told`); their answers
are compared here, field by field. `allowances` are the differences that steps are known to make, some by `rules`;
`untold` is what the old release cannot tell, `organization` a site that has another name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from harness.checks import code, log
from harness.checks.log import SQL_COMPLAINTS, LogRecord, shape
from harness.checks.meaning.allowances import MeaningAllowances, Upgrade, read
from harness.checks.meaning.rules import RIGHTS, Change, is_aside
from harness.checks.meaning.told import Meaning, Sections, by_holder
from harness.checks.meaning.untold import DIED, Untold, find_untold, judge_refused, judge_untold, which, without
from harness.common import redact
from harness.verdict import MOST_SAMPLES, Report

CHECK = "meaning"
QUESTION = "Does RT say the same about the data as the old release did?"
REPAIR = (
    "look the samples up in both releases side by side; sign off what your people can live with, mend the rest"
)
REPAIRS = {
    "component": "bring it along in html/Elements of CONFIG_NEW or by a plugin, named in HomepageComponents; "
    "or have it taken out of these homepages and dashboards",
    "lifecycles": "have CONFIG_NEW or the database set %Lifecycles as CONFIG does, with its __maps__; "
    "sign off what is meant to change",
}
"""Repairs for fields whose names begin with these words, or for whole sections."""
_NAMED = "look up what the samples name in both releases, and mend it on the site before the upgrade"
ESSENTIAL = ("tickets", "transactions", "users", "groups", "queues", "scrips", "templates", "rights", "homepages")
"""Sections that must not be empty, or nothing is proven; others may be empty on a small site."""
_OTHERS = "{kind} but one in {}, with what belongs to them"
_LOUD = re.compile(r"\[(?:error|critical|alert|emergency)\]")


def check(
    before: Meaning | None, after: Meaning, upgrade: Upgrade, allowed: MeaningAllowances | None = None
) -> Report:
    """Compare both sides. upgrade: its steps and releases, whose known changes alone may differ.

    before: None if the old release has no image; then only RT's complaints about the new side are judged.
    """
    allowed = allowed or read()
    report = Report(CHECK, QUESTION, unit="fields", repair=REPAIR)
    left_out = find_untold(before) if before else set()
    _complaints(report, before, after, left_out)
    if before is None:
        # Nothing was compared, so unless something was found the report stays empty: that is not proven.
        report.out_of_scope.append("what the old release said of its data: it has no image here")
        return report
    judge_untold(report, before, left_out)
    judge_refused(report, before.sections, after.sections)
    _essentials(report, before, left_out)
    _logins(report, before)
    for kind, count in before.every.items():
        others = "unprivileged users but one in {}, but for their rights" if kind == "users" else _OTHERS
        report.out_of_scope.append(others.format(count, kind=kind))
    compared = [without(side.sections, left_out) for side in (before, after)]
    if (code.SECTION, "") not in left_out:
        code.judge(report, *compared)
    _differences(
        report, [one for one in changes(*compared) if one.section != code.SECTION], before, upgrade, allowed
    )
    told = {name: by_holder(keys) for name, keys in after.sections.items()}
    report.looked_at = sum(len(fields) for keys in told.values() for fields in keys.values())
    report.facts["counts"] = {name: len(keys) for name, keys in sorted(told.items())}
    report.facts["seconds"] = after.seconds
    return report


def _essentials(report: Report, before: Meaning, left_out: Untold) -> None:
    """Report sections that no site's data leaves empty."""
    for name in ESSENTIAL:
        if not before.sections.get(name) and (name, "") not in left_out:
            what = f"the old release has no {name} to say anything about, which proves nothing"
            report.find(name, what, repair="see that the dump is that of the whole site, and take it anew")


def _differences(
    report: Report, found: Sequence[Change], before: Meaning, upgrade: Upgrade, allowed: MeaningAllowances
) -> None:
    """Report the changes that no allowance covers, grouped by section and kind; list the allowances used."""
    left: dict[tuple[str, str], list[Change]] = defaultdict(list)
    used: set[str] = set()
    for change in found:
        if cover := allowed.covering(change, upgrade, before.sections):
            used.update(cover)
        else:
            left[change.section, change.kind].append(change)
    for (section, _), group in left.items():
        _find(report, section, group)
    report.allowed += sorted(used)


def _logins(report: Report, before: Meaning) -> None:
    """Report accounts whose given passwords were wrong on the old side: two refusals prove nothing."""
    refused = [key for key, one in before.sections.get("logins", {}).items() if one["right password"] == "refused"]
    if refused:
        report.unanswered.append(
            f"whether {len(refused)} of the accounts that the dump's manifest names can log in: "
            f"RT {before.release} refuses the passwords given there as well"
        )


def changes(before: Sections, after: Sections) -> list[Change]:
    """Return every field that differs, and every key that only one side has.

    Users whose rights differ in the same way share one change: that of the first user, which names the others.
    """
    found: list[Change] = []
    for section in sorted({*before, *after}):
        old, new = (by_holder(side.get(section, {})) for side in (before, after))
        alike: dict[Any, list[str]] = defaultdict(list)
        for key in sorted({*old, *new}, key=lambda one: (len(one), one)):
            if key not in new:
                found.append(Change(section, key, "", "gone", old[key], None))
            elif key not in old:
                found.append(Change(section, key, "", "new", None, new[key]))
            else:  # allowances for rights depend on whether a user is privileged, and on nothing else
                kind = before.get("users", {}).get(key, {}).get("privileged", "")
                alike[(id(old[key]), id(new[key]), kind) if section == RIGHTS[0] else key].append(key)
        for key, *others in alike.values():
            if old[key] != new[key]:
                found += [
                    Change(section, key, name, "changed", old[key].get(name), new[key].get(name), tuple(others))
                    for name in sorted({*old[key], *new[key]})
                    if old[key].get(name) != new[key].get(name) and not is_aside(name)
                ]
    return found


def _find(report: Report, section: str, group: Sequence[Change]) -> None:
    kind = group[0].kind
    if kind != "changed":
        words = "are gone" if kind == "gone" else "are new, and no step is known to make them"
        report.find(
            section,
            f"{len(group)} {section} {words}",
            samples=tuple(f"{section} {one.key}" for one in group),
            repair=REPAIRS.get(section, REPAIR),
        )
        return
    by_field: dict[str, list[Change]] = defaultdict(list)
    for one in group:
        by_field[one.group].append(one)
    for name, same in by_field.items():
        places = sum(1 + len(one.alike) for one in same)
        keys = {key for one in same for key in (one.key, *one.alike)}
        report.find(
            section,
            f"{name!r} differs in {places} places of {len(keys)} {section}",
            samples=tuple(one.words()[:200] for one in same),
            repair=REPAIRS.get(name.partition(" ")[0], REPAIRS.get(section, REPAIR)),
        )


def _complaints(report: Report, before: Meaning | None, after: Meaning, left_out: Untold) -> None:
    """Report new complaints of the new release; a subject that died is always a finding."""
    known = set(map(shape, before.complaints)) if before else set()
    died = [one for one in after.complaints if one.startswith(DIED)]
    if new := [redact.line(one) for one in died if which(one) not in left_out]:
        report.find(
            f"RT {after.release}",
            f"{len(new)} subjects could not be told",
            samples=tuple(new),
            repair=_NAMED,
        )
    outside = [one for one in after.complaints if _of_the_copy(one)]
    if outside:
        report.out_of_scope.append(
            f"{len(outside)} contents that are not in the database: a copy has no other storage"
        )
    new = [
        one
        for one in after.complaints
        if one not in outside and shape(one) not in known and not one.startswith(DIED)
    ]
    bad = [one for one in new if any(pattern.search(one) for pattern in SQL_COMPLAINTS) or _LOUD.match(one)]
    if bad:
        samples = tuple(sorted({_with_place(one, after.reading) for one in bad}))
        report.find(
            f"RT {after.release}",
            f"RT complains {len(bad)} times while it reads the data",
            samples=samples,
            repair=_NAMED,
        )
    report.facts["warnings"] = sorted({redact.line(one) for one in new if one not in bad})[:MOST_SAMPLES]


def _with_place(complaint: str, reading: Mapping[str, str]) -> str:
    """Return the printable form of a complaint, after what was being read: "searches 12: [warning] ..."."""
    place = reading.get(complaint)
    return f"{place}: {redact.line(complaint)}" if place else redact.line(complaint)


def _of_the_copy(complaint: str) -> bool:
    """Tell whether a complaint is known to be harmless, for example one caused by how a copy is made."""
    level, _, text = complaint.removeprefix("[").partition("] ")
    return any(one.covers(LogRecord("", level, text)) for one in log.allowances())

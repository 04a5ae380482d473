"""Check that code still loads: that in the data (scrips, templates, custom fields), and the site's own modules.

Rows that name a module, or hold Perl, are unchanged by an upgrade, but the module may be gone or the Perl too old:
RT then logs a line whenever the code is needed, and does nothing else. Both releases were told to load all of it.
A module below lib of the site's configuration is loaded as well: no row may name it, and yet a nightly job may.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from harness.verdict import Report

SECTION = "code"
LOADS = "loads"
MODULE = "module"
_SHOW = {
    "scrip": "SELECT s.id, a.ExecModule, c.ExecModule FROM Scrips s JOIN ScripActions a ON a.id = s.ScripAction"
    " JOIN ScripConditions c ON c.id = s.ScripCondition WHERE s.id IN ({ids})",
    "template": "SELECT id, Queue, Name FROM Templates WHERE id IN ({ids})",
    "custom field": "SELECT id, ValuesClass, CanonicalizeClass FROM CustomFields WHERE id IN ({ids})",
}
Sections = Mapping[str, Mapping[str, Mapping[str, Any]]]


def judge(report: Report, before: Sections, after: Sections) -> None:
    """Report code that loaded in the old release and does not in the new one. Sections: as in `Meaning`.

    Code that did not load before either has been broken for years, or its module is in a CONFIG that was not
    given: this is only a fact. So is a module that only the new side's CONFIG has: nothing is lost. A row that
    only the new side has was made by a step, and must load there.
    """
    old, new = before.get(SECTION, {}), after.get(SECTION, {})
    lost: dict[tuple[str, str], list[str]] = defaultdict(list)
    never: list[str] = []
    added: list[str] = []
    for key, parts in new.items():
        for part, said in parts.items():
            if said == LOADS:
                continue
            kind = MODULE if key.startswith(f"{MODULE} ") else key.rpartition(" ")[0]
            if kind == MODULE and key not in old:
                added.append(key)
            elif old.get(key, {}).get(part, LOADS) == LOADS:
                lost[kind, part].append(key)
            else:
                never.append(f"{key}, {part}")
    for (kind, part), keys in lost.items():
        what = f"the {part} of {len(keys)} {kind}s" if part != "code" else f"the Perl in {len(keys)} {kind}s"
        ids = ", ".join(key.rpartition(" ")[2] for key in keys)
        report.find(
            SECTION,
            f"{what} loaded in the old release and does not load in this one",
            samples=tuple(keys),
            sql=_SHOW.get(kind, "").format(ids=ids),
            repair="write it anew for this release, or bring the module that it needs into the image or CONFIG",
        )
    if never:
        report.facts["code that did not load before either"] = sorted(never)
    if added:
        report.facts["modules that only the new side has, and that do not load"] = sorted(added)

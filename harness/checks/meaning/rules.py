"""Differences of meaning, and rules for those that no pattern can describe; allowances.toml names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.common.wording import listed

RIGHTS = ("rights", "rights by role")
BY_TEXT, BY_WATCHER, BY_ANOTHER_DAY = "by text", "by watcher", " by another day"
"""Fields of a search in the program's output that only the rules use, and the end of the names of others.

By watcher: it asks for people of any role or of a custom one, and some tickets have people in disabled roles.
"""
_SHOWN = 3
_WIDTH = 80
_NUMBER = re.compile(r"\d+")
Sections = Mapping[str, Mapping[str, Mapping[str, Any]]]


def is_aside(name: str) -> bool:
    """Tell whether a field of the program's output is not compared: only the rules use it."""
    return name in (BY_TEXT, BY_WATCHER) or name.endswith(BY_ANOTHER_DAY)


@dataclass(frozen=True)
class Change:
    """A field whose value differs (kind "changed"), or a key that only one side has ("gone", "new").

    old, new: values of the field, or all fields of the key; None on the side that lacks it. alike: other keys
    whose whole difference is the same.
    """

    section: str
    key: str
    name: str
    kind: str
    old: Any
    new: Any
    alike: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """Return the field's name without ids, so that similar fields are grouped."""
        return _NUMBER.sub("N", self.name)

    def words(self) -> str:
        """Describe the change in one line; for rights only those gained and lost."""
        others = f" and {len(self.alike)} more ({listed(self.alike, _SHOWN)})" if self.alike else ""
        where = f"{self.section} {self.key}{others}, {self.name}"
        if self.section in RIGHTS:
            gained, lost = self.gained_and_lost()
            parts = [*(f"+{one}" for one in sorted(gained)), *(f"-{one}" for one in sorted(lost))]
            return f"{where}: {' '.join(parts)}"
        return f"{where}: {_short(self.old)} -> {_short(self.new)}"

    def gained_and_lost(self) -> tuple[set[str], set[str]]:
        """Return (rights that only the new side has, rights that only the old side has)."""
        old, new = (set(str(value or "").split()) for value in (self.old, self.new))
        return new - old, old - new


def _in_order(change: Change, before: Sections, resorted: bool) -> Callable[[list[str]], list[str]]:
    """Return how to normalize a search's results: in their order, or sorted if the server's sort order changed."""
    by_text = before.get(change.section, {}).get(change.key, {}).get(BY_TEXT)
    return sorted if resorted and by_text else list


def _other_types_left_out(change: Change, before: Sections, resorted: bool) -> bool:
    """Tell whether a search finds the same as before except tickets of another type (reminders, approvals)."""
    old, new = (str(value or "").split() for value in (change.old, change.new))
    kept = set(new)
    gone = [one for one in old if one not in kept]
    tickets = before.get("tickets", {})
    ordinary = [one for one in gone if tickets.get(one, {}).get("Type") in (None, "ticket")]
    seen = _in_order(change, before, resorted)
    return bool(gone) and not ordinary and seen([one for one in old if one in kept]) == seen(new)


def _found_by_disabled_role(change: Change, before: Sections, resorted: bool) -> bool:
    """Tell whether a search by watcher finds all it found, and more only for users in a disabled custom role.

    Whom a saved search asks for is in its text, which stays in RT: there it may be anybody with such a role.
    """
    watcher = change.key.removeprefix("Watcher.id = ")
    saved = change.section == "searches" and _by_watcher(change, before, resorted)
    old, new = (str(value or "").split() for value in (change.old, change.new))
    known = set(old)
    seen = _in_order(change, before, resorted)
    if (watcher == change.key and not saved) or seen([one for one in new if one in known]) != seen(old):
        return False
    people = [_hidden_people(one, before) for one in new if one not in known]
    return all(bool(hidden) if saved else watcher in hidden for hidden in people)


def _by_watcher(change: Change, before: Sections, _resorted: bool) -> bool:
    """Tell whether a search asks for people of any role or of a custom one."""
    return bool(before.get(change.section, {}).get(change.key, {}).get(BY_WATCHER))


def _more_by_watcher(change: Change, before: Sections, resorted: bool) -> bool:
    """Tell whether a search by watcher finds besides (a number and a digest) no fewer tickets than before."""
    if change.name != "finds besides" or not _by_watcher(change, before, resorted):
        return False
    old, new = (int(str(one or 0).split()[0]) for one in (change.old, change.new))
    return new >= old


def _hidden_people(ticket: str, before: Sections) -> set[str]:
    """Return the ids of users who hold a disabled custom role in a ticket, directly or through a group."""
    found: set[str] = set()
    for name, people in before.get("tickets", {}).get(ticket, {}).items():
        if name.startswith("hidden people "):
            for one in str(people).split():
                found |= {one, *str(before.get("groups", {}).get(one, {}).get("everyone", "")).split()}
    return found


def _in_another_order(change: Change, before: Sections, resorted: bool) -> bool:
    """Tell whether a search that is sorted by text finds the same as before, in another order."""
    seen = _in_order(change, before, resorted)
    old, new = (str(value or "").split() for value in (change.old, change.new))
    return seen is sorted and (change.name == "in the order" or seen(old) == seen(new))


def _by_another_day(change: Change, before: Sections, resorted: bool) -> bool:
    """Tell whether a search for one day now finds exactly what the old release finds on its owner's day."""
    found = before.get(change.section, {}).get(change.key, {})
    if f"finds{BY_ANOTHER_DAY}" not in found:
        return False
    seen = _in_order(change, before, resorted)
    expected, new = (str(one or "").split() for one in (found.get(f"{change.name}{BY_ANOTHER_DAY}"), change.new))
    return seen(expected) == seen(new) or (seen is sorted and change.name == "in the order")


RULES: Mapping[str, Callable[[Change, Sections, bool], bool]] = {
    "other types left out": _other_types_left_out,
    "found by a disabled role": _found_by_disabled_role,
    "more by watcher": _more_by_watcher,
    "in another order": _in_another_order,
    "by another day": _by_another_day,
}
"""Rules for differences that a pattern cannot describe, by their names in the file."""


def _short(value: Any) -> str:
    text = "nothing" if value in (None, "") else str(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."

"""Rules about dashboards: conversion of homepages, searches in a dashboard, and the links that record them.

Like those of `rules`, they return a complaint or None, and never quote data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from harness.checks.rows.context import Cell, Context
from harness.common.wording import amount
from harness.database.digest import Row

ATTRIBUTE_URI = re.compile(r"attribute://[^/]+/(\d+)")
_SAVED = re.compile(r"(.+)-SavedSearch-(\d+)", re.DOTALL)
_DASHBOARDS = "SELECT id, Name, Content, ContentType FROM Attributes WHERE Name IN ({}) ORDER BY id".format(
    "'Dashboard', 'HomepageSettings', 'Pref-HomepageSettings', 'DefaultDashboard', 'Pref-DefaultDashboard'"
)
_SEARCHES = (
    "SELECT id, Name, Description, ObjectType FROM Attributes WHERE Name = 'SavedSearch' OR Name LIKE 'Search - %'"
)
_HOMEPAGES = (
    "SELECT id, ObjectType, ObjectId FROM Attributes WHERE Name IN ('HomepageSettings', 'Pref-HomepageSettings')"
)
_EXISTING = "SELECT id FROM Attributes WHERE id IN ({})"
ASKED_AT_ONCE = 1000
"""Number of ids in one query."""


def homepage_to_dashboard(cell: Cell) -> str | None:
    """Accept a dashboard with the portlets of the old homepage, in their panes and order.

    Portlets whose search was already deleted must be missing: they showed nothing, and the step leaves them out.
    """
    before, after = cell.thawed()
    if not isinstance(before, dict) or not isinstance(after, dict) or list(after) != ["Panes"]:
        return f"{cell.column} cannot be read as a homepage that became a dashboard"
    searches, panes = cell.context.rows("after", _SEARCHES), after["Panes"] or {}
    for pane in sorted({*before, *panes}):
        entries, found = before.get(pane) or [], panes.get(pane) or []
        choices = [choice for entry in entries if (choice := list(_portlets(pane, entry, searches)))]
        if gone := len(entries) - len(choices):
            cell.context.notes.append(
                f"{amount(gone, 'portlets')} of homepage {cell.old['id']} whose search was gone before the upgrade"
            )
        if len(found) < len(choices):
            return f"the homepage's pane {_word(pane)} lost {len(choices) - len(found)} of {len(choices)} portlets"
        if len(found) > len(choices):
            return f"the homepage's pane {_word(pane)} gained {len(found) - len(choices)} portlets"
        for number, (choice, portlet) in enumerate(zip(choices, found, strict=True), 1):
            if portlet not in choice:
                return f"portlet {number} of the homepage's pane {_word(pane)} is not the one it was"
    return None


def own_homepage(cell: Cell) -> str | None:
    """Accept the id of a homepage that the same user, or the system, had before.

    One user may have several, saved at the same moment: each becomes a dashboard, and one is shown first.
    """
    memory = cell.context.memory
    if "homepages" not in memory:
        memory["homepages"] = {
            (row["ObjectType"], row["ObjectId"], row["id"]) for row in cell.context.rows("before", _HOMEPAGES)
        }
    if (cell.new.get("ObjectType"), cell.new.get("ObjectId"), cell.now) in memory["homepages"]:
        return None
    return f"{cell.column} is not the id of a homepage that its owner had"


def _word(name: str) -> str:
    return name if name in ("body", "sidebar") else "(another)"


def _portlets(pane: str, entry: Any, searches: list[Row]) -> Iterator[dict[str, Any]]:
    """Yield an old portlet's possible conversions: several if names are not unique, none if its search is gone."""
    entry = entry if isinstance(entry, dict) else {}
    name, kind = entry.get("name") or "", entry.get("type")
    if kind == "component":
        yield {
            "pane": pane,
            "portlet_type": "component",
            "component": name,
            "description": name,
            "path": f"/Elements/{name}",
        }
    elif kind == "system":
        own = [one for one in searches if one["ObjectType"] == "RT::System"]
        named = [one for one in own if one["Name"] == f"Search - {name}"]
        described = [one for one in own if one["Name"] == "SavedSearch" and one["Description"] == name]
        for one in named or described:
            yield {
                "pane": pane,
                "portlet_type": "search",
                "id": one["id"],
                "description": f"Saved Search: {name}",
                "privacy": "RT::System-1",
            }
    elif kind == "saved":
        match = _SAVED.search(name)
        for one in searches:
            if match and one["id"] == match[2]:
                yield {
                    "pane": pane,
                    "portlet_type": "search",
                    "id": match[2],
                    "privacy": match[1],
                    "description": f"Saved Search: {one['Description'] or ''}",
                }
    else:
        yield {"of a type": "that no release is known to have"}


def wanted_links(context: Context) -> set[tuple[str, str]]:
    """Return (attribute, attribute it depends on) for every dashboard and homepage of the upgraded database."""
    if "links" not in context.memory:
        context.memory["links"] = set(_links(context))
    found: set[tuple[str, str]] = context.memory["links"]
    return found


def _links(context: Context) -> Iterator[tuple[str, str]]:
    rows = context.rows("after", _DASHBOARDS)
    context.thaw.load(row["Content"] or "" for row in rows if row["ContentType"] == "storable")
    searches = context.rows("after", _SEARCHES)
    pairs: dict[tuple[str, str], None] = {}
    for row in rows:
        content = context.thaw.value(row["Content"] or "") if row["ContentType"] == "storable" else row["Content"]
        pairs |= dict.fromkeys((row["id"] or "", target) for target in _targets(content, searches))
    there = existing_ids(context, {target for _, target in pairs})
    return (pair for pair in pairs if pair[1] in there)


def existing_ids(context: Context, ids: Iterable[str]) -> set[str | None]:
    """Return those of the given ids for which the upgraded database has attributes.

    Only the given ids are queried: RT keeps an attribute for each ticket that a user has seen, millions of them.
    """
    numbers = sorted(one for one in ids if one.isascii() and one.isdecimal())
    found: set[str | None] = set()
    for start in range(0, len(numbers), ASKED_AT_ONCE):
        found |= context.values("after", _EXISTING.format(", ".join(numbers[start : start + ASKED_AT_ONCE])))
    return found


def _targets(content: Any, searches: list[Row]) -> Iterator[str]:
    """Yield the attributes that the content of a dashboard, a homepage or a choice of dashboard depends on."""
    if isinstance(content, str):
        yield content
        return
    panes = content.get("Panes", content) if isinstance(content, dict) else {}
    for pane in ("body", "sidebar"):
        for entry in (panes or {}).get(pane) or []:  # a dashboard that was never filled has no panes
            if not isinstance(entry, dict):
                continue
            if entry.get("portlet_type") == "search":
                yield str(entry.get("id"))
            elif "portlet_type" not in entry:
                found = list(_portlets(pane, entry, searches))
                if found and "id" in found[0]:
                    yield found[0]["id"]


def linked(link: Row) -> tuple[str, str] | None:
    """Return (from, to), the ids of the attributes that a link connects; None if it links anything else."""
    base, target = (ATTRIBUTE_URI.fullmatch(link.get(end) or "") for end in ("Base", "Target"))
    return (base[1], target[1]) if base and target else None


def dashboard_link(cell: Cell) -> str | None:
    """Accept a new link from a dashboard to a search that it contains, once."""
    pair = linked(cell.new)
    if pair is None:
        return f"{cell.column} does not link two attributes"
    seen: set[tuple[str, str]] = cell.context.memory.setdefault("linked", set())
    if pair not in wanted_links(cell.context) or pair in seen:
        return f"{cell.column} links a dashboard to what is not in it, or a second time"
    seen.add(pair)
    return None


def dropped_dashboard_link(cell: Cell) -> str | None:
    """Accept the removal of a link from a dashboard to a search that it no longer contains."""
    pair = linked(cell.old)
    if pair is None:
        return f"{cell.column} does not link two attributes"
    dashboards = cell.context.values("after", _DASHBOARDS)
    searches = {row["id"] for row in cell.context.rows("after", _SEARCHES)}
    if pair[0] not in dashboards or pair[1] not in searches or pair in wanted_links(cell.context):
        return f"{cell.column} links a dashboard that is there to what is still in it, or something else"
    return None

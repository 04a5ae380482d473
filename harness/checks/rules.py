"""Rules that allowances name: what a step makes of content that plain SQL cannot compare.

A rule judges one column of one row and returns a complaint or None. It never quotes data: complaints are printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from harness.checks.context import Cell, Context
from harness.database.digest import Row

Rule = Callable[[Cell], str | None]
ATTRIBUTE_URI = re.compile(r"attribute://[^/]+/(\d+)")
_SAVED = re.compile(r"(.+)-SavedSearch-(\d+)", re.DOTALL)
_DASHBOARDS = "SELECT id, Name, Content, ContentType FROM Attributes WHERE Name IN ({}) ORDER BY id".format(
    "'Dashboard', 'HomepageSettings', 'Pref-HomepageSettings', 'DefaultDashboard', 'Pref-DefaultDashboard'"
)
_SEARCHES = (
    "SELECT id, Name, Description, ObjectType FROM Attributes WHERE Name = 'SavedSearch' OR Name LIKE 'Search - %'"
)
_ONE = "SELECT Content FROM Attributes WHERE id = {}"


def anything(_: Cell) -> str | None:
    """Accept any value: for ids, which the server gives out."""
    return None


def during_the_upgrade(cell: Cell) -> str | None:
    """Accept a time between the last entry of the old upgrade history and the last one of the new."""
    begin, end = cell.context.times()
    good = cell.new and begin <= (cell.now or "") <= end
    return None if good else f"{cell.column} is not a time during the upgrade"


def order_by_owner_name(cell: Cell) -> str | None:
    """Accept a saved search in which ordering by Owner became ordering by Owner.Name, and nothing else."""
    wanted, found = cell.thawed()
    if isinstance(wanted, dict) and isinstance(wanted.get("OrderBy"), str):
        wanted = {**wanted, "OrderBy": owner_by_name(wanted["OrderBy"])}
    if wanted == found:
        return None
    return f"{cell.column}, thawed, differs in more than ordering by Owner.Name instead of Owner"


def owner_by_name(order: str) -> str:
    """Return an order ("Status|Owner||") as the step writes it ("Status|Owner.Name"); another one as it is.

    A search made in the browser has four places, the last ones mostly empty, and Perl's split drops those.
    """
    names = order.split("|")
    if "Owner" not in names:
        return order
    return "|".join("Owner.Name" if name == "Owner" else name for name in names).rstrip("|")


def history_grows(cell: Cell) -> str | None:
    """Accept an upgrade history that begins with everything the old one held."""
    before, after = cell.thawed()
    if not isinstance(before, dict) or not isinstance(after, dict):
        return f"{cell.column} cannot be thawed"
    for package, events in before.items():
        if after.get(package, [])[: len(events)] != events:
            return f"{cell.column} has lost or altered entries that were there before the upgrade"
    return None


def changed_search(cell: Cell) -> str | None:
    """Accept the id of an attribute whose thawed content is another one than before."""
    before, after = both(cell.context, cell.now or "0")
    return None if before != after else f"{cell.column} names an attribute that the upgrade did not change"


def copy_of_a_changed_search(cell: Cell) -> str | None:
    """Accept a ContentHistory whose content is what its search held before, or holds now; each once."""
    search = cell.new.get("ObjectId") or "0"
    content = cell.context.thaw.value(cell.now or "")
    before, after = both(cell.context, search)
    which = "old" if content == before else "new" if content == after else ""
    seen: set[tuple[str, str]] = cell.context.memory.setdefault("copies", set())
    if before == after or not which or (search, which) in seen:
        return f"{cell.column} is not a copy of what a changed search held or holds"
    seen.add((search, which))
    return None


def both(context: Context, identity: str) -> tuple[Any, Any]:
    """Return the thawed content of an attribute before and after."""
    pair = []
    for side in ("before", "after"):
        rows = context.rows(side, _ONE.format(int(identity)))
        pair.append(context.thaw.value(rows[0]["Content"] or "") if rows else None)
    return pair[0], pair[1]


def homepage_to_dashboard(cell: Cell) -> str | None:
    """Accept a dashboard with the portlets of the old homepage, in their panes and order.

    All of them but those whose search was gone already: they showed nothing, and the step leaves them out.
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
                f"{gone} portlets of homepage {cell.old['id']} whose search was gone before the upgrade"
            )
        if len(found) < len(choices):
            return f"the homepage's pane {_word(pane)} lost {len(choices) - len(found)} of {len(choices)} portlets"
        if len(found) > len(choices):
            return f"the homepage's pane {_word(pane)} gained {len(found) - len(choices)} portlets"
        for number, (choice, portlet) in enumerate(zip(choices, found, strict=True), 1):
            if portlet not in choice:
                return f"portlet {number} of the homepage's pane {_word(pane)} is not the one it was"
    return None


def _word(name: str) -> str:
    return name if name in ("body", "sidebar") else "(another)"


def _portlets(pane: str, entry: Any, searches: list[Row]) -> Iterator[dict[str, Any]]:
    """Yield what an old portlet may have become: several where names are not unique, none where it is gone."""
    entry = entry if isinstance(entry, dict) else {}
    name, kind = entry.get("name") or "", entry.get("type")
    if kind == "component":
        yield {"pane": pane, "portlet_type": "component", "component": name, "description": name,
               "path": f"/Elements/{name}"}  # fmt: skip
    elif kind == "system":
        own = [one for one in searches if one["ObjectType"] == "RT::System"]
        named = [one for one in own if one["Name"] == f"Search - {name}"]
        described = [one for one in own if one["Name"] == "SavedSearch" and one["Description"] == name]
        for one in named or described:
            yield {"pane": pane, "portlet_type": "search", "id": one["id"], "description": f"Saved Search: {name}",
                   "privacy": "RT::System-1"}  # fmt: skip
    elif kind == "saved":
        match = _SAVED.search(name)
        for one in searches:
            if match and one["id"] == match[2]:
                yield {"pane": pane, "portlet_type": "search", "id": match[2], "privacy": match[1],
                       "description": f"Saved Search: {one['Description'] or ''}"}  # fmt: skip
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
    known = context.values("after", "SELECT id FROM Attributes")
    searches = context.rows("after", _SEARCHES)
    for row in rows:
        base = row["id"] or ""
        content = context.thaw.value(row["Content"] or "") if row["ContentType"] == "storable" else row["Content"]
        for target in _targets(content, searches):
            if target in known:
                yield base, target


def _targets(content: Any, searches: list[Row]) -> Iterator[str]:
    """Yield the attributes that the content of a dashboard, a homepage or a choice of dashboard depends on."""
    if isinstance(content, str):
        yield content
        return
    panes = content.get("Panes", content) if isinstance(content, dict) else {}
    for pane in ("body", "sidebar"):
        for entry in (panes or {}).get(pane) or []:  # one that nobody has filled yet has no panes at all
            if not isinstance(entry, dict):
                continue
            if entry.get("portlet_type") == "search":
                yield str(entry.get("id"))
            elif "portlet_type" not in entry:
                found = list(_portlets(pane, entry, searches))
                if found and "id" in found[0]:
                    yield found[0]["id"]


def linked(link: Row) -> tuple[str, str] | None:
    """Return the ids of the attributes that a link is from and to; None where it links something else."""
    base, target = (ATTRIBUTE_URI.fullmatch(link.get(end) or "") for end in ("Base", "Target"))
    return (base[1], target[1]) if base and target else None


def dashboard_link(cell: Cell) -> str | None:
    """Accept a new link from a dashboard to a search in it, once."""
    pair = linked(cell.new)
    if pair is None:
        return f"{cell.column} does not link two attributes"
    seen: set[tuple[str, str]] = cell.context.memory.setdefault("linked", set())
    if pair not in wanted_links(cell.context) or pair in seen:
        return f"{cell.column} links a dashboard to what is not in it, or a second time"
    seen.add(pair)
    return None


def dropped_dashboard_link(cell: Cell) -> str | None:
    """Accept the end of a link from a dashboard to a search that is not in it any more."""
    pair = linked(cell.old)
    if pair is None:
        return f"{cell.column} does not link two attributes"
    dashboards = cell.context.values("after", _DASHBOARDS)
    searches = {row["id"] for row in cell.context.rows("after", _SEARCHES)}
    if pair[0] not in dashboards or pair[1] not in searches or pair in wanted_links(cell.context):
        return f"{cell.column} links a dashboard that is there to what is still in it, or something else"
    return None


RULES: dict[str, Rule] = {
    "any": anything,
    "during the upgrade": during_the_upgrade,
    "order by owner name": order_by_owner_name,
    "history grows": history_grows,
    "changed search": changed_search,
    "copy of a changed search": copy_of_a_changed_search,
    "homepage to dashboard": homepage_to_dashboard,
    "dashboard link": dashboard_link,
    "dropped dashboard link": dropped_dashboard_link,
}

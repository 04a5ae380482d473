"""Rules that allowances name: changes by a step to content that plain SQL cannot compare.

A rule judges one column of one row and returns a complaint or None. It never quotes data: complaints are printed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.checks.rows.context import Cell, Context
from harness.checks.rows.dashboards import (
    dashboard_link,
    dropped_dashboard_link,
    homepage_to_dashboard,
    own_homepage,
)

Rule = Callable[[Cell], str | None]
SYSTEM = "1"
"""The id of RT's own user, as a row has it."""
_ONE = "SELECT Content FROM Attributes WHERE id = {}"


def anything(_: Cell) -> str | None:
    """Accept any value: for ids, which the server assigns."""
    return None


def during_the_upgrade(cell: Cell) -> str | None:
    """Accept a time between the last entry of the old upgrade history and the last one of the new."""
    begin, end = cell.context.times()
    good = cell.new and begin <= (cell.now or "") <= end
    return None if good else f"{cell.column} is not a time during the upgrade"


def order_by_owner_name(cell: Cell) -> str | None:
    """Accept a saved search in which ordering by Owner became ordering by Owner.Name, and nothing else changed."""
    wanted, found = cell.thawed()
    if isinstance(wanted, dict) and isinstance(wanted.get("OrderBy"), str):
        wanted = {**wanted, "OrderBy": owner_by_name(wanted["OrderBy"])}
    if wanted == found:
        return None
    return f"{cell.column}, thawed, differs in more than ordering by Owner.Name instead of Owner"


def owner_by_name(order: str) -> str:
    """Return an order ("Status|Owner||") as the step writes it ("Status|Owner.Name"); any other order unchanged.

    A search made in the browser has four places, the last ones mostly empty, and Perl's split drops those.
    """
    names = order.split("|")
    if "Owner" not in names:
        return order
    return "|".join("Owner.Name" if name == "Owner" else name for name in names).rstrip("|")


def stamp_of_an_edit(cell: Cell) -> str | None:
    """Accept that RT itself edited an attribute during the upgrade, if its content is another one now."""
    content = Cell(cell.context, "Content", cell.old, cell.new).thawed()
    if content[0] == content[1]:
        return f"{cell.column} changed, and the content did not"
    if cell.column == "LastUpdatedBy":
        return None if cell.now == SYSTEM else f"{cell.column} is not RT itself"
    return during_the_upgrade(cell)


def history_grows(cell: Cell) -> str | None:
    """Accept an upgrade history that begins with the complete old one."""
    before, after = cell.thawed()
    if not isinstance(before, dict) or not isinstance(after, dict):
        return f"{cell.column} cannot be thawed"
    for package, events in before.items():
        if after.get(package, [])[: len(events)] != events:
            return f"{cell.column} has lost or altered entries that were there before the upgrade"
    return None


def changed_search(cell: Cell) -> str | None:
    """Accept the id of an attribute whose thawed content has changed."""
    before, after = both(cell.context, cell.now or "0")
    return None if before != after else f"{cell.column} names an attribute that the upgrade did not change"


def copy_of_a_changed_search(cell: Cell) -> str | None:
    """Accept a ContentHistory whose content is that of its search before or after the upgrade; each once."""
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
    """Return the thawed content of an attribute before and after the upgrade."""
    pair = []
    for side in ("before", "after"):
        rows = context.rows(side, _ONE.format(int(identity)))
        pair.append(context.thaw.value(rows[0]["Content"] or "") if rows else None)
    return pair[0], pair[1]


RULES: dict[str, Rule] = {
    "any": anything,
    "during the upgrade": during_the_upgrade,
    "stamp of an edit": stamp_of_an_edit,
    "order by owner name": order_by_owner_name,
    "history grows": history_grows,
    "changed search": changed_search,
    "copy of a changed search": copy_of_a_changed_search,
    "homepage to dashboard": homepage_to_dashboard,
    "own homepage": own_homepage,
    "dashboard link": dashboard_link,
    "dropped dashboard link": dropped_dashboard_link,
}

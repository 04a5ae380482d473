"""Compare the site's own pages and callbacks with what both releases have in their place.

RT calls a callback by the page and the name of its hook, and says nothing of one that it never calls. A page of
the site stands in the place of the release's own, whatever the target has made of that.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.verdict import Report

LISTING = Path(__file__).parents[1] / "perl" / "components.pl"
UNCALLED = "callbacks that the target does not call"
REPLACED = "pages of the site in the place of a release's own"
_HTML = re.compile(r"(?:plugins/[^/]+/)?html(/.*)", re.DOTALL)
_CALLBACK = re.compile(r"/Callbacks/[^/]+(/.+)/([^/]+)", re.DOTALL)
_SITES_CODE = re.compile(r"(?:plugins/[^/]+/)?(?:html|lib)/(?!Callbacks/)")


@dataclass(frozen=True)
class Components:
    """A release's own components: {path: SHA-256}, and its hooks, as (page, name)."""

    files: dict[str, str]
    hooks: frozenset[tuple[str, str]]

    def calls(self, page: str, name: str) -> bool:
        """Tell whether the release calls this hook, or may: "*" is a page or a name known only at run time."""
        return not self.hooks.isdisjoint({(page, name), (page, "*"), ("*", name), ("*", "*")})


def components(release: Rt) -> Components:
    """Return what the release's image has, without the site's own files."""
    found = json.loads(release.of_image("perl", "-e", LISTING.read_text(encoding="utf-8")))
    return Components(found["files"], frozenset((page, name) for page, name in found["hooks"]))


def judge(
    report: Report,
    configuration: Configuration,
    origin: Rt | None,
    target: Rt,
    path: tuple[str, str],
    *,
    plugins: Collection[str],
) -> None:
    """Add the facts about the new side's pages.

    path: the releases, from and to; origin: None without an image; plugins: the names of those that RT loads.
    """
    configuration = _in_use(configuration, plugins)
    pages = dict(_pages(configuration))
    if not pages:
        return
    new, old = components(target), components(origin) if origin else None
    report.looked_at += len(pages)
    if old is None:
        report.out_of_scope.append(
            f"which callbacks and pages of the site worked before: RT {path[0]} has no image here"
        )
    uncalled, replaced = [], []
    for name, place in sorted(pages.items()):
        shown = name.encode(errors="surrogateescape").decode(errors="replace")
        if callback := _CALLBACK.fullmatch(place):
            if not _skipped(place) and (said := _uncalled(callback[1], callback[2], configuration, old, new)):
                uncalled.append(f"{shown}: {said}")
        elif said := _replaced(place, hashlib.sha256(configuration.files[name]).hexdigest(), old, new):
            replaced.append(f"{shown}: {said}")
    report.facts[UNCALLED], report.facts[REPLACED] = uncalled, replaced


def _in_use(configuration: Configuration, plugins: Collection[str]) -> Configuration:
    """Return the configuration without the files of plugins that RT does not load."""
    folders = {name.replace("::", "-") for name in plugins}
    files = {
        name: content
        for name, content in configuration.files.items()
        if not name.startswith("plugins/") or name.split("/")[1] in folders
    }
    return replace(configuration, files=files)


def _pages(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Yield (file, component's path) of what RT takes as components, of the site and of its plugins."""
    for name in configuration.files:
        if found := _HTML.fullmatch(name):
            yield name, found[1]


def _skipped(place: str) -> bool:
    """Tell whether RT skips a callback, whatever calls it: hidden files and editors' copies."""
    return "/." in place or place.endswith("~")


def _uncalled(page: str, hook: str, configuration: Configuration, old: Components | None, new: Components) -> str:
    """Say why nothing calls a callback on the target; "" if something does, or the old release did not either."""
    if new.calls(page, hook) or (old and not old.calls(page, hook)) or _called_by_site(page, hook, configuration):
        return ""
    lacks = f"the target's {page} has no hook {hook}" if page in new.files else f"the target has no {page}"
    return f"{lacks}, so this never runs" + ("" if old else ", unless another program calls it")


def _called_by_site(page: str, hook: str, configuration: Configuration) -> bool:
    """Tell whether a page or module of the site, or of a plugin, may call this hook itself."""
    for name, content in configuration.files.items():
        if not _SITES_CODE.match(name) or b"callback" not in content:
            continue
        place = _HTML.fullmatch(name)
        here = (place is not None and place[1] == page) or page.encode(errors="surrogateescape") in content
        if here and (hook == "Default" or hook.encode(errors="surrogateescape") in content):
            return True
    return False


def _replaced(place: str, digest: str, old: Components | None, new: Components) -> str:
    """Say what a file of the site stands in the place of; "" if of nothing, or if the target's own is the same."""
    was = old.files.get(place) if old else None
    if new.files.get(place) == digest:
        return ""
    same = "; it is the old release's own" if was == digest else ""
    if place in new.files:
        return f"shown instead of the target's own{same}"
    return f"the old release had such a component, the target has none{same}" if was else ""

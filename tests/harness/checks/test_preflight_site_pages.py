"""Pages and callbacks of the site that the target does not use, or takes for its own, must be told before."""

from __future__ import annotations

import pytest

from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness.checks import preflight
from harness.checks.preflight import site_pages
from harness.rt.configuration import Configuration
from harness.verdict import Report

ORIGIN, TARGET = "4.4.6", "5.0.10"
NOTICE = "html/Callbacks/Site/SelfService/index.html/BeforeMyRequests"
PANES = "plugins/RT-Extension-X/html/Callbacks/X/Dashboards/Queries.html/Panes"
BASICS, OWN_PAGE = "html/Ticket/Elements/ShowBasics", "html/Elements/Header"
HARMLESS = {
    "site.pm": b"1;\n",
    "html/Callbacks/Site/autohandler/Auth": b"called by a module of both releases",
    "html/Callbacks/Site/Elements/Login/Default": b"a hook without a name",
    f"{NOTICE}~": b"an editor's copy, which RT skips",
    "html/Callbacks/Site/SelfService/index.html/.BeforeMyRequests.swp": b"hidden, which RT skips",
    "html/Callbacks/Site/Own.html/Top": b"on a page of the site",
    "html/Own.html": b"% $m->callback(CallbackName => 'Top');\n",
    "html/Callbacks/Site/Nowhere.html/Default": b"never called by the old release either",
    PANES.replace("RT-Extension-X", "RT-Extension-Idle"): b"of a plugin that RT does not load",
    "static/css/site.css": b"",
}


@pytest.mark.engine
def test_pages_of_the_site(rt_tools: RtFactory, tally: Tally) -> None:
    """Each planted file is told, and the rest is not; without an image of the old release, of the target alone."""
    origin, target = rt_tools(ORIGIN, None), rt_tools(TARGET, None)
    old, new = (site_pages.components(one).files for one in (origin, target))
    gone = next(path for path in old if path not in new)
    basics = origin.need("cat", "/opt/rt/share/html/Ticket/Elements/ShowBasics").encode()
    footer = target.need("cat", "/opt/rt/share/html/Elements/Footer").encode()
    harmless = HARMLESS | {"html/Elements/Footer": footer}
    planted = {NOTICE: b"", PANES: b"", BASICS: basics, OWN_PAGE: b"", f"html{gone}": b""}

    def told(files: dict[str, bytes], *, image: bool = True) -> dict[str, str]:
        report = Report("preflight", "")
        site_pages.judge(
            report,
            Configuration(files),
            origin if image else None,
            target,
            (ORIGIN, TARGET),
            plugins=["RT::Extension::X"],
        )
        assert not report.findings
        assert bool(report.out_of_scope) != image
        entries = preflight.facts_to_read(report.facts)
        return dict(item.split(": ", 1) for entry in entries for item in entry["items"])

    assert told(harmless) == {}
    said = told({**harmless, **planted})
    assert set(said) == set(planted)
    tally("callback of a hook that is gone", "preflight", "no hook BeforeMyRequests" in said[NOTICE])
    tally("callback of a plugin", "preflight", "no hook Panes" in said[PANES])
    tally("old release's page", "preflight", said[BASICS].endswith("it is the old release's own"))
    assert "the old release's own" not in said[OWN_PAGE]
    assert "the target has none" in said[f"html{gone}"]
    alone = told({**harmless, **planted}, image=False)
    assert {NOTICE, PANES, BASICS, OWN_PAGE} < set(alone)
    assert "old release" not in "".join(alone.values())
    assert set(alone) - set(planted) == {"html/Callbacks/Site/Nowhere.html/Default"}


@pytest.mark.engine
def test_all_hooks_are_read(rt_tools: RtFactory) -> None:
    """Each release's hooks are counted: one that is not recognised would be told of as gone, or never."""
    old, new = (site_pages.components(rt_tools(version, None)).hooks for version in (ORIGIN, TARGET))
    assert (len(old), len(old - new)) == (447, 10)

"""Pages of a site as people open them: who may do everything, a customer in self-service, the site's accounts."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

import requests

from harness.checks.attempts import attempt
from harness.checks.trial_visit import Visit
from harness.rt import web
from harness.rt.web import PageError
from harness.verdict import Finding, Report

PAGES = (
    "/Search/Build.html", "/Prefs/Other.html", "/Prefs/MyRT.html", "/User/Prefs.html", "/Tools/MyDay.html",
    "/Approvals/", "/Articles/", "/Asset/", "/Admin/", "/Admin/Users/", "/Admin/Groups/", "/Admin/CustomFields/",
    "/Admin/Scrips/", "/Admin/Global/Templates.html", "/Admin/Tools/Configuration.html",
    "/Search/Chart.html?Query=id%20%3E%200",
)  # fmt: skip
"""Pages that every release has, as an administrator sees them; a thorough visit sees them too."""
FIRST_PAGES = ("/Search/Results.html?Query=id%20%3E%200", "/Dashboards/index.html", "/Admin/Queues/")
SELF_SERVICE = "/SelfService/"
"""In the menu of every page of self-service, which is where customers land."""
FORMS = ("Modify", "ModifyAll", "ModifyDates", "ModifyLinks", "ModifyPeople")
"""Those of a ticket, beside the one for an answer, that a thorough visit sees."""


ELSEWHERE = "RT leads to the same other page from every one"


def attempts(report: Report, visit: Visit) -> list[Finding | None]:
    """Look at all of it; what is not as it should be is a finding. Return those that broke something off."""
    return [
        attempt(report, "pages", lambda: look(report, visit)),
        attempt(report, "self-service", lambda: self_service(report, visit)),
        attempt(report, "homepages", lambda: homepages(report, visit)),
    ]


def of_tickets(visit: Visit) -> list[str]:
    """Return the pages and the forms in which people read and write tickets."""
    found = [f"/Ticket/{page}.html?id={ticket}" for page in ("Display", "History") for ticket in visit.tickets]
    found += [f"/Ticket/Create.html?Queue={queue}" for queue in visit.queues]
    for ticket in visit.tickets[:1]:  # the newest, of which most is in use
        found.append(f"/Ticket/Update.html?Action=Respond&id={ticket}")
        found += [f"/Ticket/{form}.html?id={ticket}" for form in FORMS if visit.thorough]
    return found


def of_self_service(visit: Visit) -> list[str]:
    """Return the pages of customers beside the first: of the one whom the visit has, and his ticket."""
    found = [f"/SelfService/Display.html?id={visit.asked}"]
    if visit.thorough:
        found.append(f"/SelfService/Create.html?Queue={visit.queue}")
        found.append(f"/SelfService/Update.html?id={visit.asked}")
    return found


def look(report: Report, visit: Visit) -> None:
    """Log in with the form, and look at every kind of page, tickets and dashboards included.

    Raises PageError where none of them was seen: a plugin may want something else of new accounts first.
    """
    session, home = web.enter(visit.rt, visit.user, visit.password)
    report.looked_at += 1
    # A homepage that has lost its parts is a good page to RT; each part stands in a box of this class.
    attempt(report, "/", lambda: _judged("GET /", home, visit, "titlebox"))
    paths = [*FIRST_PAGES, *(PAGES if visit.thorough else ()), *of_tickets(visit)]
    paths += [f"/Dashboards/{number}/" for number in visit.dashboards]
    ends = _open(report, session, visit, paths)
    if ends[0] and len(set(ends)) == 1 and ends[0] not in map(_plain, paths):
        raise PageError("pages", ELSEWHERE)


def self_service(report: Report, visit: Visit) -> None:
    """Log in as the visit's customer, and look at what he sees. Nothing where it has none."""
    if visit.customer:
        report.looked_at += 1
        session, first = web.enter(visit.rt, visit.customer, visit.password)
        attempt(report, "/SelfService/", lambda: _judged("GET /SelfService/", first, visit, SELF_SERVICE))
        _open(report, session, visit, of_self_service(visit))


def homepages(report: Report, visit: Visit) -> None:
    """Let each account log in with its old password and see its homepage."""
    for number, (name, password) in enumerate(visit.people.items(), 1):
        report.looked_at += 1

        def home(name: str = name, password: str = password) -> None:
            session, landed = web.enter(visit.rt, name, password)
            with session:
                _judged("GET /", landed, visit, "Logout")

        attempt(report, f"homepage of account {number}", home)


def _open(report: Report, session: requests.Session, visit: Visit, paths: list[str]) -> list[str]:
    """Look at some pages; return the paths at which RT's redirects ended, "" for no answer."""
    answers: list[requests.Response] = []
    session.hooks["response"].append(lambda answer, *_, **__: answers.append(answer))
    ends: list[str] = []
    with session:
        for path in paths:
            answers.clear()
            report.looked_at += 1
            attempt(report, path, partial(_page, session, visit, path))
            ends.append(_plain(answers[-1].url) if answers else "")
    return ends


def _plain(address: str) -> str:
    return urlsplit(address).path


def _page(session: requests.Session, visit: Visit, path: str) -> None:
    web.page(session, visit.rt, path, said=visit.said)


def _judged(where: str, landed: requests.Response, visit: Visit, expect: str = "") -> None:
    """Judge the page on which a login ended: asked for once more it would be the same, at the same cost."""
    web.judged(where, landed, expect=expect, said=visit.said)

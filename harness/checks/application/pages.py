"""Open pages of a site as an administrator, as a customer in self-service, and with the site's own accounts."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

import requests

from harness.checks.application.attempts import attempt
from harness.checks.application.trial_visit import Visit
from harness.rt import web
from harness.rt.web import PageError
from harness.verdict import Finding, Report

PAGES = (
    "/Search/Build.html",
    "/Prefs/Other.html",
    "/Prefs/MyRT.html",
    "/User/Prefs.html",
    "/Tools/MyDay.html",
    "/Approvals/",
    "/Articles/",
    "/Asset/",
    "/Admin/",
    "/Admin/Users/",
    "/Admin/Groups/",
    "/Admin/CustomFields/",
    "/Admin/Scrips/",
    "/Admin/Global/Templates.html",
    "/Admin/Tools/Configuration.html",
    "/Search/Chart.html?Query=id%20%3E%200",
)
"""Pages that every release has, opened as an administrator; a thorough visit opens them too."""
FIRST_PAGES = ("/Search/Results.html?Query=id%20%3E%200", "/Dashboards/index.html", "/Admin/Queues/")
SELF_SERVICE = "/SelfService/"
"""In the menu of every page of self-service, to which customers are redirected after login."""
FORMS = ("Modify", "ModifyAll", "ModifyDates", "ModifyLinks", "ModifyPeople")
"""Forms of a ticket, besides that for a reply, which a thorough visit opens."""


HOMEPAGE = "homepage of account"
ELSEWHERE = "RT leads to the same other page from every one"


def try_pages(report: Report, visit: Visit) -> list[Finding | None]:
    """Open all pages; report those that are wrong. Return the findings that broke something off."""
    return [
        attempt(report, "pages", lambda: open_pages(report, visit)),
        attempt(report, "self-service", lambda: open_self_service(report, visit)),
    ]


def ticket_pages(visit: Visit) -> list[str]:
    """Return the pages and the forms in which people read and write tickets."""
    found = [f"/Ticket/{page}.html?id={ticket}" for page in ("Display", "History") for ticket in visit.tickets]
    found += [f"/Ticket/Create.html?Queue={queue}" for queue in visit.queues]
    for ticket in visit.tickets[:1]:  # the newest, which uses most features
        found.append(f"/Ticket/Update.html?Action=Respond&id={ticket}")
        found += [f"/Ticket/{form}.html?id={ticket}" for form in FORMS if visit.thorough]
    return found


def self_service_pages(visit: Visit) -> list[str]:
    """Return the customers' pages besides the first, for the visit's customer and ticket."""
    found = [f"/SelfService/Display.html?id={visit.customer_ticket}"]
    if visit.thorough:
        found.append(f"/SelfService/Create.html?Queue={visit.queue}")
        found.append(f"/SelfService/Update.html?id={visit.customer_ticket}")
    return found


def open_pages(report: Report, visit: Visit) -> None:
    """Log in with the form, and open every kind of page, tickets and dashboards included.

    Raises PageError if none of them could be opened: a plugin may require another step of new accounts first.
    """
    session, home = web.enter(visit.rt, visit.user, visit.password)
    report.looked_at += 1
    # RT serves a homepage that has lost its parts as a good page; each part is in a box of this class.
    attempt(report, "/", lambda: _judge("GET /", home, visit, "titlebox"))
    paths = [*FIRST_PAGES, *(PAGES if visit.thorough else ()), *ticket_pages(visit)]
    paths += [f"/Dashboards/{number}/" for number in visit.dashboards]
    ends = _open(report, session, visit, paths)
    if ends[0] and len(set(ends)) == 1 and ends[0] not in map(_path, paths):
        raise PageError("pages", ELSEWHERE)


def open_self_service(report: Report, visit: Visit) -> None:
    """Log in as the visit's customer, and open the customer's pages. Does nothing if the visit has no customer."""
    if visit.customer:
        report.looked_at += 1
        session, first = web.enter(visit.rt, visit.customer, visit.password)
        attempt(report, "/SelfService/", lambda: _judge("GET /SelfService/", first, visit, SELF_SERVICE))
        _open(report, session, visit, self_service_pages(visit))


def open_homepages(report: Report, visit: Visit) -> None:
    """Log in to each account and open its homepage; say how many people's are not opened."""
    if visit.homepages_left:
        report.out_of_scope.append(f"homepages of others: {visit.homepages_left}")
    for number, (name, password) in enumerate(visit.people.items(), 1):
        report.looked_at += 1
        attempt(report, f"{HOMEPAGE} {number}", partial(_open_homepage, visit, name, password))


def _open_homepage(visit: Visit, name: str, password: str) -> None:
    session, landed = web.enter(visit.rt, name, password)
    with session:
        _judge("GET /", landed, visit, "Logout")


def _open(report: Report, session: requests.Session, visit: Visit, paths: list[str]) -> list[str]:
    """Open some pages; return the final paths after RT's redirects, "" for no answer."""
    answers: list[requests.Response] = []
    session.hooks["response"].append(lambda answer, *_, **__: answers.append(answer))
    ends: list[str] = []
    with session:
        for path in paths:
            answers.clear()
            report.looked_at += 1
            attempt(report, path, partial(_open_page, session, visit, path))
            ends.append(_path(answers[-1].url) if answers else "")
    return ends


def _path(address: str) -> str:
    return urlsplit(address).path


def _open_page(session: requests.Session, visit: Visit, path: str) -> None:
    web.page(session, visit.rt, path, said=visit.harmless_words)


def _judge(where: str, landed: requests.Response, visit: Visit, expect: str = "") -> None:
    """Judge the page that a login ended on; requesting it again would give the same, at the same cost."""
    web.judged(where, landed, expect=expect, said=visit.harmless_words)

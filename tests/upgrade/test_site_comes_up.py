"""The upgrade must be blamed for a site that does not come up, or has no login form, only if it is the cause.

With single sign-on the first page redirects to another host, or holds a button; it did so before the upgrade.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet
from docker import DockerClient

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import rt
from harness.checks.application.mails import OWN, Mails
from harness.common import cache
from harness.common.waits import Retry, wait_until
from harness.drills import mixed_releases, rollback
from harness.dump.choice import DEFAULT_SERVER, choose
from harness.rt import rest
from harness.rt.configuration import Configuration
from harness.rt.rest import RestError
from harness.stage import Scope, Stage, old_side, visitor
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report


def with_file(name: str, content: bytes) -> Configuration:
    """Return a site's configuration that consists of one file."""
    return Configuration({"site.pm": b"1;\n", name: content})


PLAIN = Configuration({"site.pm": b"1;\n"})
GONE = with_file("html/Elements/Login", b"<& /Elements/GoneSince4 &>\n")
BUSY = with_file(
    "html/Callbacks/Busy/autohandler/Auth",
    b"""<%INIT>
$HTML::Mason::Commands::r->status(503);
$m->abort;
</%INIT>
""",
)
# A module of the site's own that requires something that no copy has, and only in the web server.
ENDS = Configuration({"site.pm": b"die qq{Can't locate License.pm in a copy\\n} if $0 =~ /[.]psgi/;\n1;\n"})
BUTTON = with_file("html/Elements/Login", b'<a href="https://sso.example.test/">Log in with your account</a>\n')
LEADS_ON = with_file(
    "html/Callbacks/Sso/autohandler/Auth",
    b"""<%INIT>
my $user = $HTML::Mason::Commands::session{CurrentUser};
RT::Interface::Web::Redirect('https://sso.example.test/authorize?state=' . rand)
    unless $user && $user->id || $m->request_path =~ m{^/REST/};
</%INIT>
""",
)


def cached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Compute each fact anew, and return a list that gets the names of those that would be cached."""
    names: list[str] = []

    def fact(make: Callable[[], Any], *parts: str) -> Any:
        """Compute a fact; if that succeeds, list its name: the key's second part, behind the baseline's key."""
        made = make()
        names.append(parts[1])
        return made

    monkeypatch.setattr(cache, "cached", fact)
    return names


def slow(old: Configuration, new: Configuration, name: str) -> ParameterSet:
    """Return a pair of configurations that is only tried in slow runs."""
    return pytest.param((old, new), marks=pytest.mark.slow, id=name)


@pytest.fixture
def stage(
    engine: DockerClient, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    """The usual upgrade with a configuration for each side, of which nothing is read beforehand."""
    old, new = request.param
    made = Stage(Lifecycle(engine, old, new_configuration=new), choose(), scope=Scope(thorough=False))
    monkeypatch.setattr(made, "read_everything", lambda: None)
    yield made
    made.close()


@pytest.mark.engine
@pytest.mark.control("single sign-on")
@pytest.mark.parametrize(
    "stage",
    [
        pytest.param((LEADS_ON, LEADS_ON), id="redirect"),
        slow(BUTTON, BUTTON, "button"),
        slow(GONE, GONE, "broken"),
    ],
    indirect=True,
)
def test_a_first_page_that_never_was_the_login_form_is_no_finding(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No login is possible on a copy, with either release; parts that need no form must still be tried.

    Except for what scrips send: that is asked of RT itself, which reads no page.
    """
    monkeypatch.setattr(stage.old_side, "mails", lambda _: None)
    report = stage.application()
    assert report.findings == [], str(report)
    assert any("where RT 4.4.6 gets no further either: pages" in one for one in report.unanswered), str(report)
    assert report.looked_at > 20, "programs, mail and jobs"


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.mutants("application")
@pytest.mark.parametrize(
    "stage",
    [(PLAIN, LEADS_ON), (PLAIN, BUTTON), (PLAIN, GONE)],
    ids=["redirect", "button", "broken"],
    indirect=True,
)
def test_a_login_form_that_is_gone_is_found(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Users logged in with it before; and it is reported at once, because such a page does not change."""
    monkeypatch.setattr(rt, "PATIENCE", 3600)
    found = stage.application().findings
    assert "pages" in {one.where for one in found}, found


@pytest.mark.engine
@pytest.mark.mutants("application")
@pytest.mark.parametrize("stage", [pytest.param((PLAIN, ENDS), id="new"), slow(ENDS, ENDS, "both")], indirect=True)
def test_a_site_that_does_not_come_up_is_a_finding_where_the_old_one_did(stage: Stage) -> None:
    """The upgrade succeeds but its result is unusable, which is no fault of the machine."""
    report = stage.application()
    if stage.sides.lifecycle.configuration is ENDS:
        assert report.findings == [], str(report)
        assert "does not come up, and that of RT 4.4.6 does not either" in report.unanswered[0]
        return
    [finding] = report.findings
    assert (finding.where, "does not come up" in finding.what) == ("site", True)
    assert "License.pm" in "".join(finding.samples)


def until_it_answers(what: str, probe: Callable[[], None], limit: float, **options: Any) -> None:
    """Wait for an answer as long as ever, and after it no longer."""

    def answered() -> None:
        with contextlib.suppress(Retry):
            probe()

    wait_until(what, answered, limit, **options)
    wait_until(what, probe, 0, **options)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("stage", "why", "kept"),
    [
        pytest.param((BUSY, BUSY), "GET / answers 503 without a login form", False, id="time-out"),
        pytest.param((ENDS, ENDS), "it ends with exit code ", True, id="end"),
    ],
    indirect=["stage"],
)
def test_a_time_out_of_the_old_site_is_not_cached(
    stage: Stage, why: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be due to a busy machine. The key has the source that words the reason, which is compared."""
    facts = cached(monkeypatch)
    monkeypatch.setattr(rt, "wait_until", until_it_answers)
    old = stage.old_side.site_start()
    assert old is not None
    assert old.why.startswith(why)
    [name] = [one for one in facts if one.startswith("start of the site")] or [""]
    assert bool(name) == kept
    assert not kept or cache.digest(Path(visitor.__file__).read_text(encoding="utf-8")) in name


@pytest.mark.engine
@pytest.mark.parametrize("stage", [(PLAIN, PLAIN)], indirect=True)
def test_the_second_run_sends_mail_in_the_queues_of_the_first(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If mail comes by chance, a run may try more queues, and all mail of these would seem to come by chance.

    In another order, some tickets would have a number of the same parity again, and the same one of two owners.
    """
    facts = cached(monkeypatch)
    rows = stage.sides.before().rows(
        "SELECT id FROM Queues WHERE Disabled = 0 AND Name <> '___Approvals' ORDER BY id DESC"
    )
    queues = [str(number) for (number,) in rows]
    assert len(queues) > 1, "else there is no choice"
    first = Mails("4.4.6", dict.fromkeys((*queues, OWN), "create"), [])
    monkeypatch.setattr(stage.old_side, "mails", lambda _: first)
    second = stage.old_side.mails_again(1)
    assert second is not None
    assert list(second.actions) == list(first.actions)
    [name] = [one for one in facts if " again" in one]
    assert cache.digest(Path(old_side.__file__).read_text(encoding="utf-8")) in name


EVERYWHERE = with_file(
    "html/REST/1.0/autohandler",
    b"""<%INIT>
RT::Interface::Web::Redirect('http://sso.example.test/authorize?state=' . rand);
</%INIT>
""",
)


@pytest.mark.engine
def test_a_client_is_not_led_to_another_host(
    lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory
) -> None:
    """A copy must not contact the site's login service; both releases must report the same."""
    database = clone(lifecycle.fresh("5.0.3", DEFAULT_SERVER))
    site = rt_site("5.0.3", database, configuration=EVERYWHERE)
    said = []
    for _ in range(2):
        with pytest.raises(RestError) as caught:
            rest.client(site, "root", "password")
        said.append(str(caught.value))
    assert "RT leads to another host" in said[0]
    assert said[0] == said[1]


# The redirect of single sign-on, if the database holds a queue of this name.
IF_QUEUE = with_file(
    "html/Callbacks/Sso/autohandler/Auth",
    b"""<%INIT>
my $queue = RT::Queue->new(RT->SystemUser);
$queue->Load('sso');
RT::Interface::Web::Redirect('https://sso.example.test/authorize?state=' . rand)
    if $queue->id && $m->request_path !~ m{^/REST/};
</%INIT>
""",
)


@pytest.mark.engine
@pytest.mark.control("rollback")
def test_a_rollback_needs_no_login_form_of_a_site_without_one(engine: DockerClient, clone: CloneFactory) -> None:
    """The restored site must do what it did before; a form that it has lost is a finding."""
    lifecycle, choice = Lifecycle(engine, IF_QUEUE), choose()
    before, after = (clone(lifecycle.restored(choice.dump, choice.pair.server)) for _ in range(2))
    reports = []
    for database in (after, before):
        database.execute("UPDATE Queues SET Name = 'sso' WHERE Name = 'General'")
        report = Report(rollback.CHECK, rollback.QUESTION)
        rollback.try_old_release(report, lifecycle, choice, before=before, after=after)
        reports.append(([one.where for one in report.findings], len(report.out_of_scope)))
    assert reports == [(["GET /"], 0), ([], 1)]


@pytest.mark.engine
def test_old_code_is_tried_on_a_site_without_a_login_form(engine: DockerClient, clone: CloneFactory) -> None:
    """The ticket is created over REST, which needs no form."""
    lifecycle, choice = Lifecycle(engine, LEADS_ON), choose()
    assert choice.dump.manifest
    root = ("root", choice.dump.manifest.accounts["root"])
    database = clone(lifecycle.restored(choice.dump, choice.pair.server))
    seen = mixed_releases.try_out(lifecycle, choice.pair.origin, database, root, "The window does not close")
    assert (bool(seen.ticket), seen.requestors) == (True, 1)

"""The health check must tell the truth: it logs in, reads a ticket and judges the body."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from fixtures.healthcheck_user import PASSWORD
from fixtures.rt import RtFactory
from harness.common.waits import Retry, wait_until
from harness.database import Database
from harness.engine.commands import CommandResult
from harness.releases import releases
from harness.rt import LOGIN_MARK, SECRETS, Rt
from harness.rt.health_user import SUBJECT, TICKET, USER, HealthUser, health_user
from tests.smoke.instances import ALIKE, TWO_WORKERS, Instances

IN_INSTALL_MODE = ("4.4.6", "5.0.3", "5.0.10")
"""Both sides of the usual upgrade, and the newest release: what RT itself does, not the image's files alone."""
LIMIT = 5.0
"""Seconds in which the program must report failure, including its own start but not the engine's overhead.

Its alarm rings after 4, so a start that takes up to a second on a busy machine is in time as well.
"""
TIMED = ("bash", "-c", "TIMEFORMAT=%R; time /opt/rt/healthcheck 127.0.0.1 80")


LATIN_PASSWORD = f"printf 'p\\344ssword\\n' >{SECRETS}/healthcheck.passwd; exec /opt/rt/healthcheck-user"
"""Shell program that passes the tool a password in Latin-1, as an old editor writes it."""


def refused(done: CommandResult, reason: str = "") -> None:
    """Assert that the health check failed in time, and for this reason; "" if it may be silent as well."""
    seconds = float(done.err.splitlines()[-1])
    said = f"{done.out} after {seconds:.1f} s"
    assert (done.code, reason in done.out.lower(), seconds <= LIMIT) == (1, True, True), said


@dataclass(frozen=True)
class Healthy:
    """A site with the health check's user and ticket; tests undo their changes."""

    site: Rt
    database: Database

    def check(self, **environment: str) -> CommandResult:
        """Run the health check in the container, as an orchestrator does."""
        return self.site.container.run(TIMED, environment=environment, limit=60)

    def check_with(self, password: str, **environment: str) -> CommandResult:
        """Run it with another password in the secrets."""
        return self.with_password(password, *TIMED, **environment)

    def with_password(self, password: str, *command: str, **environment: str) -> CommandResult:
        """Run a command in the container with another password in the secrets."""
        secret = f"{SECRETS}/healthcheck.passwd"
        self.site.need("sh", "-c", f'cp {secret} /tmp/right && echo "$1" >{secret}', "sh", password)
        try:
            return self.site.container.run(command, environment=environment, limit=60)
        finally:
            self.site.need("cp", "/tmp/right", secret)


@pytest.fixture
def healthy(instances: Instances, served: Rt) -> Healthy:
    """The site that the release's tests share."""
    return Healthy(served, instances.database)


def test_a_healthy_site_is_healthy(healthy: Healthy) -> None:
    """A check that never passes is as useless as one that never fails."""
    done = healthy.check()
    assert (done.code, done.out.partition(":")[0]) == (0, "healthy"), done.out


@ALIKE
def test_the_database_is_gone_and_comes_back(healthy: Healthy) -> None:
    """RT goes on serving static files and some pages without a database."""
    healthy.database.container.signal("KILL")
    try:
        refused(healthy.check())
    finally:
        healthy.database.restart()
    assert healthy.check().code == 0


@ALIKE
def test_the_database_hangs(healthy: Healthy) -> None:
    """A connection that is open and silent is the hardest failure to detect."""
    healthy.database.container.docker.pause()
    try:
        refused(healthy.check(), "no answer within 4 s")
    finally:
        healthy.database.container.docker.unpause()


def test_the_password_is_wrong(healthy: Healthy) -> None:
    """REST 1.0 answers HTTP 200 with "401" in the body."""
    refused(healthy.check_with("wrong"), "password")


def test_the_ticket_is_missing(healthy: Healthy) -> None:
    """A site on an empty or foreign database must not appear healthy: it has no such ticket."""
    refused(healthy.check(RT_HEALTHCHECK_TICKET="4711"), "ticket 4711 is missing")


def test_the_subject_is_another_sites(healthy: Healthy) -> None:
    """Ticket 1 exists in every RT; its subject tells whose database this is."""
    assert healthy.check(RT_HEALTHCHECK_SUBJECT="Another site").code == 1


@pytest.mark.parametrize("version", ["4.4.6", "5.0.10"], scope="package")
def test_a_copy_whose_password_nobody_knows_gets_an_account(healthy: Healthy) -> None:
    """A site's own dump contains no password: its deploy must not fail for that, and gaps are reported."""
    mine = {USER: "nobody-here", TICKET: "4711", SUBJECT: "of ticket 4711"}
    made = [health_user(healthy.site, environment) for environment in ({}, mine)]
    assert [len(one.doubts) for one in made] == [0, 2]
    assert "no ticket 4711" in made[1].doubts[0]
    assert "no user 'nobody-here'" in made[1].doubts[1]
    answers = [healthy.check_with(one.password, **one.environment) for one in made]
    assert [(done.code, done.out.partition(":")[0]) for done in answers] == [(0, "healthy")] * 2
    assert health_user(healthy.site, {}, known=PASSWORD) == HealthUser(PASSWORD, {})


@pytest.mark.parametrize("version", ["4.4.6", "5.0.10"], scope="package")
def test_the_images_own_tool_makes_the_account(healthy: Healthy) -> None:
    """It must work once, and again with another password; if it cannot, it gives the reason.

    RT hashes characters: bytes mistaken for characters would be another password than that of the login.
    """
    mine = {USER: "wächter"}
    for password in ("first password", "pässwörd lång"):
        done = healthy.with_password(password, "/opt/rt/healthcheck-user", **mine)
        assert done.code == 0, done.out + done.err
        assert "sees ticket 1" in done.out
        assert healthy.check_with(password, **mine).code == 0
    assert healthy.check_with("first password", **mine).code == 1
    latin = healthy.with_password("", "sh", "-c", LATIN_PASSWORD, **mine)
    assert (latin.code, "is not UTF-8" in latin.err) == (78, True), latin.err
    mine[TICKET] = "4711"
    lost = healthy.with_password("third password", "/opt/rt/healthcheck-user", **mine)
    assert (lost.code, "there is no ticket 4711" in lost.err) == (1, True), lost.err


@pytest.mark.parametrize(
    "version",
    [one if one in IN_INSTALL_MODE else pytest.param(one, marks=pytest.mark.slow) for one in releases()],
    scope="package",
)
def test_install_mode(rt_site: RtFactory, version: str) -> None:
    """A site in install mode shows its login page and its installer to everyone.

    The guard prevents this state in `run`, so it is switched off, and RT is started in the way that latches
    install mode: without a database, with a site configuration that it may write.
    """
    start = "chmod u+w /opt/rt/etc/RT_SiteConfig.pm && exec /opt/rt/run"
    site = rt_site(
        version,
        None,
        wait=False,
        healthcheck_password=PASSWORD,
        entrypoint=["sh", "-c", start],
        environment={**TWO_WORKERS, "RT_GUARD": "off", "RT_DB_WAIT": "0"},
    )

    def installer() -> None:
        answer = site.session().get(f"{site.url}/", allow_redirects=False, timeout=5)
        if "/Install" not in answer.headers.get("Location", ""):
            raise Retry(f"GET / answers {answer.status_code}, login form: {LOGIN_MARK in answer.text}")

    wait_until(
        "Install mode",
        installer,
        60,
        retry_on=(OSError,),
        gone=site.container.ended,
        evidence=site.container.evidence,
    )
    refused(site.container.run(TIMED, limit=60), "install")

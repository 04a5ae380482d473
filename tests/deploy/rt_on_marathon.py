"""Run RT on a Marathon, behind a balancer, with one database: the set-up for the kill tests."""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import logging
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.models.containers import Container as DockerObject

from fixtures.healthcheck_user import CHEAP_LOGINS, PASSWORD, ROOT
from harness.checks import acknowledged, integrity
from harness.common import owner
from harness.common.waits import Retry, wait_until
from harness.common.wording import duration
from harness.database import Database
from harness.engine import session_network
from harness.engine.listed import containers_of
from harness.load import Load, PublicSite
from harness.load.balancer import Address, Balancer, login_page
from harness.marathon import mounts, scratch
from harness.marathon.client import Marathon
from harness.marathon.errors import AppNotFoundError
from harness.marathon.model import Change
from harness.marathon.probe import ProbeResult, rt_probe
from harness.rt import rest, secret_files
from harness.rt.configuration import SITE_CONFIGURATION
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report
from tests.deploy.shared import DEFINITION, RELEASE

_numbers = itertools.count(1)
log = logging.getLogger(__name__)


def definition(
    lifecycle: Lifecycle,
    database: Database,
    folder: Path,
    *,
    instances: int,
    site: Mapping[str, str] | None = None,
    release: str = RELEASE,
    healthcheck: str = PASSWORD,
) -> dict[str, Any]:
    """Return marathon.json for this machine: plain HTTP, frequent checks, the session's network.

    That network resolves the database's name, so a restarted server is found again at any address. site: files of
    the site's own configuration, by name. healthcheck: the password of the check's user.
    """
    folder.mkdir(parents=True)
    for path, content in secret_files(database.host, database.credentials.password, healthcheck=healthcheck):
        (folder / Path(path).name).write_bytes(content)
    own = folder / "site.d"
    own.mkdir()
    for name, text in dict([CHEAP_LOGINS], **(site or {})).items():
        (own / name).write_text(text)
    image, name = lifecycle.rt_image(release), f"rt-{os.getpid()}-{next(_numbers)}"
    app = scratch.definition(DEFINITION, image=image, secrets=str(folder), name=name)
    app |= {"instances": instances, "backoffSeconds": 1, "backoffFactor": 1}
    mounts.put_mount(app, SITE_CONFIGURATION, str(own))
    mounts.leave_absent_out(app)
    app["container"]["portMappings"] = [{"containerPort": 80, "name": "http"}]
    app["networks"] = [{"mode": "container", "name": session_network.network(lifecycle.client)}]
    app["env"] |= {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "RT_TLS": "0", "RT_WORKERS": "2"}
    # The time-out is as long as in the file: two cores are slow to answer while every instance starts at once. The
    # intervals are short because every test waits for them when an instance has come up.
    app["healthChecks"][0] |= {"delaySeconds": 1, "intervalSeconds": 2, "timeoutSeconds": 10}
    app["readinessChecks"][0] |= {"intervalSeconds": 3, "timeoutSeconds": 2}
    app["upgradeStrategy"] = {"minimumHealthCapacity": 1.0, "maximumOverCapacity": 1.0}
    return app


@dataclass
class Running:
    """A running app, its balancer, and simulated users behind that."""

    lifecycle: Lifecycle
    marathon: Marathon
    database: Database
    app: dict[str, Any]
    balancer: Balancer
    load: Load
    kills: int = 0
    _gone: set[str] = field(default_factory=set)
    _images: list[str] = field(default_factory=list)

    def note(self, kind: str, label: str, lane: str = "marathon", **times: float) -> None:
        """Add an event to the timeline."""
        self.load.journal.note(kind, label, lane, **times)
        log.info("%6.1f s  %s: %s", self.load.journal.now(), lane, label)

    def container(self, task_id: str) -> DockerObject:
        """Return the container of a task."""
        return containers_of(self.lifecycle.client, {"MESOS_TASK_ID": task_id})[0]

    def kill_one(self, job: str = "") -> None:
        """SIGKILL the instance that has run longest, as if its machine died; a job may run on it before."""
        tasks = [one for one in self.marathon.app(self.app["id"]).tasks if one.id not in self._gone]
        oldest = min(tasks, key=lambda one: str(one.started_at))
        self._gone.add(oldest.id)
        if job:
            code, said = self.container(oldest.id).exec_run(job)
            assert code == 0, said
        container, ordered = self.container(oldest.id), self.load.journal.now()
        container.kill("SIGKILL")
        times = {"t": ordered, "until": self.load.journal.now()}
        self.note("kill", f"SIGKILL {oldest.id[-8:]}", "instances", **times)
        self.kills += 1

    def wait_until_settled(self, instances: int) -> None:
        """Wait until `instances` instances serve and are known to the balancer, and no killed one is left."""

        def ask() -> None:
            app = self.marathon.app(self.app["id"])
            left = [one for one in app.tasks if one.state == "TASK_RUNNING" and one.id not in self._gone]
            served = {app.endpoint(one) for one in left} & set(self.balancer.up)
            if not len(left) == len(served) == instances:
                raise Retry(f"{len(left)} of {instances} run, {len(served)} serve")

        wait_until(f"{instances} instances serving", ask, 300, interval=0.1)
        self.note("healthy", f"{instances} serve", "instances")

    def change(self, label: str, act: Callable[[], Change], instances: int, *, image: str = "") -> None:
        """Carry out a deployment under load; wait until it is over and `instances` instances report the release.

        image: what all of them must run, in new containers; "" if some may stay.

        The harness's own rule for deploys also rejects an instance that was too busy for its health check twice.
        Here the machine is fully loaded, so that rule does not apply.
        """
        self.note("deploy", label)
        before = {one.id for one in self.marathon.app(self.app["id"]).tasks} if image else set()
        change = act()

        def over() -> None:
            if any(one.id == change.deployment_id for one in self.marathon.deployments()):
                raise Retry(f"{label} is under way")

        wait_until(label, over, 300, interval=0.2)
        self.wait_until_settled(instances)
        answers = wait_until(f"{label}: an answer of every instance", self._told, 120)
        assert [one.identity for one in answers] == [RELEASE] * instances, answers
        if image:
            now = {one.id for one in self.marathon.app(self.app["id"]).tasks}
            assert not before & now, f"{label}: {len(before & now)} instances are still the old ones"
            assert {self.container(one).attrs["Config"]["Image"] for one in now} == {image}
        self.note("healthy", f"{label}: {instances} proved")

    def _told(self) -> list[ProbeResult]:
        """Ask every instance for its release; one that is too busy to answer is asked again."""
        app = self.marathon.app(self.app["id"])
        answers = [rt_probe(self.app)(*where) for task in app.tasks if (where := app.endpoint(task))]
        if silent := [one.said for one in answers if not one.identity]:
            raise Retry(", ".join(silent))
        return answers

    def new_image(self) -> dict[str, Any]:
        """Return the app's container with another image of the same release: one more layer, another name."""
        container = copy.deepcopy(self.app["container"])
        tag = f"rt-harness/rt:next-{owner.session()}-{secrets.token_hex(4)}"  # workers share a session
        text = f"FROM {container['docker']['image']}\nLABEL rt.build=2\n"
        self.lifecycle.client.images.build(fileobj=io.BytesIO(text.encode()), tag=tag, rm=True)
        container["docker"]["image"] = tag
        self._images.append(tag)
        return dict(container)

    def forget_images(self) -> None:
        """Remove the images made here."""
        for tag in self._images:
            self.lifecycle.client.images.remove(tag, force=True)

    def judge(self, longest_gap: float) -> Report:
        """Check that every acknowledged write is there; files are read through the balancer, as users do."""
        with rest.client(PublicSite(self.balancer.url), *ROOT) as client:
            return acknowledged.check(self.load.journal, self.database, client.attachment, longest_gap=longest_gap)

    def validate(self) -> Report:
        """Run RT's own validator; a new and clean site has no old findings to be excused."""
        tools = self.lifecycle.tools(RELEASE, self.database)
        try:
            return integrity.check(integrity.Validation(RELEASE, integrity.CLEAN), integrity.collect(tools))
        finally:
            tools.remove()


FIGURES = {"sent": "writes sent", **{name: name for name in ("acknowledged", "lost", "changed", "duplicated")}}


def figures(kills: int, report: Report) -> dict[str, str]:
    """Return what a run is judged by, for the reader: of writes, sessions and the site, whatever was allowed."""
    writes = {shown: str(report.facts[name]) for name, shown in FIGURES.items()}
    sessions, gap = report.facts["sessions lost"], duration(report.facts["longest gap"])
    return {"kills": str(kills), **writes, "sessions lost": str(sessions), "longest gap": gap}


@contextlib.contextmanager
def running(
    lifecycle: Lifecycle, marathon: Marathon, database: Database, app: dict[str, Any], *, rate: float
) -> Iterator[Running]:
    """Put a balancer before an app and deploy it; the load is prepared but not started."""

    def backends() -> list[Address]:
        with Marathon(marathon.url) as client:  # the balancer's own, for it asks from another thread
            client.session.auth = marathon.session.auth
            state = client.app(app["id"])
        return [where for task in state.tasks if (where := state.endpoint(task))]

    found = None
    try:
        with Balancer(backends, login_page) as balancer:
            people = Load(balancer.url, *ROOT, rate=rate)
            found = Running(lifecycle, marathon, database, app, balancer, people)
            found.change("first deploy", lambda: marathon.put(app["id"], app), app["instances"])
            yield found
    finally:
        remove(marathon, app["id"])
        if found:
            found.forget_images()


def remove(marathon: Marathon, app_id: str) -> None:
    """Remove an app and wait until its tasks are gone; a missing app is fine."""

    def gone() -> None:
        if marathon.find_app(app_id) is not None or any(app_id in one.apps for one in marathon.deployments()):
            raise Retry("it is still there")

    with contextlib.suppress(AppNotFoundError):
        marathon.delete(app_id, force=True)
    wait_until(f"The end of {app_id}", gone, 60)

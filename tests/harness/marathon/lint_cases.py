"""Definitions for tests of lint: the repository's own in both input dialects, with one change."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from harness.marathon.definition import load
from harness.marathon.lint import lint
from harness.marathon.lint.catalogue import LintFinding
from harness.releases import ROOT

App = dict[str, Any]
Change = Callable[[App], object]

FILE: App = load(ROOT / "marathon.json")
"""The definition that is deployed."""

Form = tuple[str, bool]
"""A Marathon version, and whether the definition is in the dialect of 1.4; 1.4 itself knows no other."""
NEW_FORMS: tuple[Form, ...] = (("1.6", False), ("1.10", False))
OLD_FORMS: tuple[Form, ...] = (("1.4", True), ("1.6", True), ("1.10", True))
FORMS = NEW_FORMS + OLD_FORMS
ON_1_4 = OLD_FORMS[:1]
SINCE_1_5 = NEW_FORMS + OLD_FORMS[1:]

HTTP = {
    "protocol": "HTTP",
    "path": "/health",
    "portIndex": 0,
    "gracePeriodSeconds": 60,
    "intervalSeconds": 20,
    "timeoutSeconds": 10,
    "maxConsecutiveFailures": 3,
}
COMMAND = {
    "protocol": "COMMAND",
    "command": {"value": "/opt/rt/healthcheck 127.0.0.1 80"},
    "timeoutSeconds": 10,
    "intervalSeconds": 20,
}
MESOS = {**HTTP, "protocol": "MESOS_HTTP"}
NONE_KEPT = {"minimumHealthCapacity": 0, "maximumOverCapacity": 0}
BOTH_ONE = {"minimumHealthCapacity": 1, "maximumOverCapacity": 1}


def good(form: Form) -> App:
    """Return the repository's definition in one form."""
    app, (dialect, old) = copy.deepcopy(FILE), form
    if old:
        container = app["container"]
        container["docker"] |= {"network": "BRIDGE", "portMappings": container.pop("portMappings")}
        del app["networks"]
    if dialect == "1.4":
        del app["healthChecks"][0]["delaySeconds"]
    return app


def findings(form: Form, *changes: Change, **more: Any) -> list[LintFinding]:
    """Return lint's findings about the definition after some changes. more: other arguments of `lint`."""
    app = good(form)
    for change in changes:
        change(app)
    return lint(app, form[0], **more)


@dataclass(frozen=True)
class Caught:
    """A change that a rule must report, at one place and level, in every form named."""

    rule: str
    level: str
    where: str
    change: Change
    forms: tuple[Form, ...] = FORMS

    def check(self) -> None:
        """Assert that the rule reports it, with a fix."""
        for form in self.forms:
            hits = [one for one in findings(form, self.change) if one.rule.id == self.rule]
            assert (self.where, self.level) in [(one.where, one.level) for one in hits], form
            assert all(one.fix and one.rule.reason for one in hits), form


@dataclass(frozen=True)
class Silent:
    """A change similar to a caught one, which a rule must not report."""

    rule: str
    change: Change
    forms: tuple[Form, ...] = FORMS
    only: str = ""

    def check(self) -> None:
        """Assert that it does not; with `only`, just errors count (L06 also names keys that are ignored)."""
        for form in self.forms:
            hits = [one for one in findings(form, self.change) if one.rule.id == self.rule]
            assert [str(one) for one in hits if not self.only or one.level == self.only] == [], form


def name(case: object) -> str:
    """Return a case's name from its rule and place."""
    return f"{getattr(case, 'rule', '')}{getattr(case, 'where', '')}"


def rules(cases: Iterable[Caught] | Iterable[Silent]) -> set[str]:
    """Return the rules that a table covers."""
    return {case.rule for case in cases}


def check(**fields: Any) -> Change:
    """Replace the health checks by an HTTP one with some fields changed (None removes a field)."""
    made = {key: value for key, value in {**HTTP, **fields}.items() if value is not None}
    return lambda app: app.update(healthChecks=[made])


def checks(*made: App) -> Change:
    """Replace the health checks."""
    return lambda app: app.update(healthChecks=list(made))


def put(**fields: Any) -> Change:
    """Replace whole top-level values, as a PUT does."""
    return lambda app: app.update(fields)


def drop(key: str) -> Change:
    """Remove a top-level key."""
    return lambda app: app.pop(key)


def env(**fields: Any) -> Change:
    """Change variables."""
    return lambda app: app["env"].update(fields)


def labels(**fields: Any) -> Change:
    """Change labels (None removes one)."""

    def change(app: App) -> None:
        app["labels"] = {key: one for key, one in {**app["labels"], **fields}.items() if one is not None}

    return change


def container(**fields: Any) -> Change:
    """Change the container."""
    return lambda app: app["container"].update(fields)


def docker(**fields: Any) -> Change:
    """Change the docker object."""
    return lambda app: app["container"]["docker"].update(fields)


def volume(**fields: Any) -> Change:
    """Change the only volume (None removes a field)."""

    def change(app: App) -> None:
        made = {**app["container"]["volumes"][0], **fields}
        app["container"]["volumes"] = [{key: one for key, one in made.items() if one is not None}]

    return change


def where_mappings_are(app: App) -> App:
    """The object that holds the port mappings: the container, or in the old dialect its docker object."""
    found: App = app["container"] if "portMappings" in app["container"] else app["container"]["docker"]
    return found


def port(**fields: Any) -> Change:
    """Change the first port mapping."""
    return lambda app: where_mappings_are(app)["portMappings"][0].update(fields)


def mappings(*made: App) -> Change:
    """Replace the port mappings."""
    return lambda app: where_mappings_are(app).update(portMappings=list(made))


def two_ports(app: App) -> None:
    """Add a second port."""
    where_mappings_are(app)["portMappings"].append({"containerPort": 81, "name": "other"})


def no_network(app: App) -> None:
    """Remove the network."""
    app.pop("networks", None)
    app["container"]["docker"].pop("network", None)


def host(**fields: Any) -> Change:
    """Change to host mode, without mappings and readiness check, with some top-level values changed."""

    def change(app: App) -> None:
        old = "networks" not in app
        where_mappings_are(app).pop("portMappings")
        no_network(app)
        app["container"]["docker"].update({"network": "HOST"} if old else {})
        app.update({} if old else {"networks": [{"mode": "host"}]})
        app.pop("readinessChecks")
        app.update(fields)

    return change


def user_network(called: Any) -> Change:
    """Change to a container network of some name."""

    def change(app: App) -> None:
        named = {} if called is None else {"name": called}
        if "networks" in app:
            app["networks"] = [{"mode": "container", **named}]
        else:
            app["container"]["docker"]["network"] = "USER"
            app["ipAddress"] = {} if called is None else {"networkName": called}

    return change


def without_container(app: App) -> None:
    """Change to a command under Mesos itself, in host mode."""
    for key in ("container", "networks", "readinessChecks"):
        app.pop(key, None)
    app["cmd"] = "sleep 60"


def under_mesos(app: App) -> None:
    """Let Mesos itself run the image; it knows none of Docker's own keys."""
    app["container"]["type"] = "MESOS"
    app["container"]["docker"].pop("parameters", None)


def two_networks(app: App) -> None:
    """Join two networks, with the first host port on one of them; the old dialect cannot express that."""
    if "networks" in app:
        app["networks"] = [{"name": "a", "labels": {"x": "y"}}, {"name": "b"}]
        where_mappings_are(app)["portMappings"][0].update(hostPort=0, networkNames=["a"])


def resident(app: App) -> None:
    """Let tasks keep their place: add a persistent volume."""
    app["residency"] = {"taskLostBehavior": "WAIT_FOREVER"}
    app["container"]["volumes"].append({"containerPath": "kept", "mode": "RW", "persistent": {"size": 1}})
    app["upgradeStrategy"] = dict(NONE_KEPT)


def single(**strategy: float) -> Change:
    """Make it a single instance app, with an upgrade strategy or without."""

    def change(app: App) -> None:
        app["labels"]["MARATHON_SINGLE_INSTANCE_APP"] = "true"
        app["instances"] = 1
        app.pop("upgradeStrategy")
        app.update({"upgradeStrategy": strategy} if strategy else {})

    return change


def both(*changes: Change) -> Change:
    """Combine several changes."""
    return lambda app: [change(app) for change in changes]

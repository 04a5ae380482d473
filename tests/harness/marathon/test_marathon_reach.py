"""A blocked route from this machine to the instances must not be taken for dead instances."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from fixtures.marathon_trial import Trial
from harness.errors import InfrastructureError
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer
from harness.marathon.probe import HttpProbe, Probe, ProbeResult
from harness.marathon.reach import UnreachableInstancesError
from harness.marathon.rolling import Decision
from harness.marathon.stopall import replace_all
from tests.harness.marathon.deploying import ACROSS, COMMAND, Database, good, probe_for, release, releases_live
from tests.harness.marathon.meddling import meddle

engine = pytest.mark.engine
READY = {
    "name": "page",
    "protocol": "HTTP",
    "path": "/cgi-bin/env",
    "portName": "http",
    "intervalSeconds": 2,
    "timeoutSeconds": 1,
}
SAME_STEPS = Decision("rolling", ("of the test",))


def walled_off(deployer: Deployer, *releases: str) -> Deployer:
    """Let a firewall drop packets from here to instances of some releases; of all, if none is named."""

    def made(definition: App) -> Probe:
        if releases and definition["labels"]["RT_RELEASE"] not in releases:
            return probe_for(definition)
        return lambda host, port: ProbeResult(False, f"{host}:{port}", "no answer (ConnectTimeout)", reached=False)

    return replace(deployer, probe_for=made)


@engine
def test_nothing_is_sent_where_nobody_is_reached(trial: Trial, deployer: Deployer) -> None:
    """Otherwise every deploy would be found bad and undone, and every instance started three times."""
    good(deployer.deploy(release(trial, "1")))
    meddler = meddle(deployer.client)
    with pytest.raises(UnreachableInstancesError, match="nothing was sent") as caught:
        walled_off(deployer).deploy(release(trial, "2"), SAME_STEPS)
    assert isinstance(caught.value, InfrastructureError)
    assert (caught.value.exit_code, "--unseen-before" in caught.value.repair) == (2, True)
    assert meddler.count("PUT|POST|DELETE") == 0
    assert releases_live(trial, deployer) == ["1"]


@engine
def test_nothing_is_stopped_where_nobody_is_reached(trial: Trial, deployer: Deployer) -> None:
    """If it were found after the upgrade, there would be no way back."""
    database = Database(trial, deployer)
    good(deployer.deploy(release(trial, "1")))
    with pytest.raises(UnreachableInstancesError, match="nothing was sent"):
        replace_all(walled_off(deployer), release(trial, "2", schema="2"), ACROSS, database.steps())
    assert (database.log, releases_live(trial, deployer)) == ([], ["1"])


@engine
def test_what_an_instance_answers_is_no_reason_not_to_replace_it(trial: Trial, deployer: Deployer) -> None:
    """A bad instance may be the reason for the deploy; even a closed port is no obstacle, if that is stated."""
    good(deployer.deploy(release(trial, "1")))

    def wrong(definition: App) -> Probe:
        return replace(probe_for(definition), status=404 if definition["labels"]["RT_RELEASE"] == "1" else 200)

    good(replace(deployer, probe_for=wrong).deploy(release(trial, "2"), SAME_STEPS))
    known = replace(walled_off(deployer, "2"), unseen_before=True)
    good(known.deploy(release(trial, "3"), SAME_STEPS))


@engine
@pytest.mark.parametrize("checked", ["health", "readiness"])
def test_a_first_deploy_that_only_marathon_reaches_is_left(trial: Trial, deployer: Deployer, checked: str) -> None:
    """Marathon's own checks use the same port, so the route from here is blocked: nothing is proven."""
    by_command: dict[str, Any] = {"healthChecks": [COMMAND], "readinessChecks": [READY]}
    definition = release(trial, "1", **(by_command if checked == "readiness" else {}))
    with pytest.raises(UnreachableInstancesError, match="Marathon does, at that very port") as caught:
        walled_off(deployer).deploy(definition)
    assert "left as they are" in str(caught.value)
    assert releases_live(trial, deployer) == ["1"]


@engine
def test_a_port_that_marathon_does_not_ask_at_is_a_finding(trial: Trial, deployer: Deployer) -> None:
    """The check's command passes inside of the container, but from outside the port does not answer."""
    report = walled_off(deployer).deploy(release(trial, "1", healthChecks=[COMMAND]))
    assert "no answer (ConnectTimeout)" in str(report)
    assert deployer.client.find_app(f"{trial.group}/app") is None


@engine
def test_after_an_upgrade_it_is_left_as_well(trial: Trial, deployer: Deployer) -> None:
    """The new release may have served; to report that Marathon may not have accepted it would be wrong."""
    database = Database(trial, deployer)
    good(deployer.deploy(release(trial, "1")))
    with pytest.raises(UnreachableInstancesError) as caught:
        replace_all(walled_off(deployer, "2"), release(trial, "2", schema="2"), ACROSS, database.steps())
    assert "left as they are" in str(caught.value)
    assert "may not have taken" not in str(caught.value)
    assert [what for what, _ in database.log] == ["backup", "upgrade"]
    assert releases_live(trial, deployer) == ["2"]


def test_a_connection_that_somebody_took_is_no_dead_route() -> None:
    """A listener that accepts and sends nothing, or not in time, is reachable."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert HttpProbe(timeout=5)("127.0.0.1", port).reached, "silent"  # as long as it may take to connect
    assert not HttpProbe(timeout=5)("127.0.0.1", port).reached, "nobody listens any more"
    assert not HttpProbe(timeout=5)("agent.invalid", 80).reached, "a name that only the cluster knows"

"""Mutants of a deploy's foundations: a Marathon that does not roll back, and a probe that accepts anything."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from fixtures.marathon_trial import Trial
from harness.marathon.client import Marathon
from harness.marathon.deploy import Deployer
from harness.marathon.model import Change
from harness.marathon.probe import ProbeResult
from tests.harness.marathon.deploying import BAD, good, release, releases_live

pytestmark = pytest.mark.engine


class Unfaithful(Marathon):
    """A Marathon that claims to roll back, and only forgets the deployment."""

    def cancel(self, deployment_id: str, *, force: bool = False) -> Change | None:  # noqa: ARG002
        """Return a rollback that does not exist."""
        super().cancel(deployment_id, force=True)
        return Change(None, "a-rollback-of-the-imagination")


@pytest.mark.mutants("deploy")
def test_a_rollback_that_does_not_happen_is_no_rollback(trial: Trial, deployer: Deployer) -> None:
    """Marathon's claim is not trusted: the old release is probed, and another one is found beside it."""
    good(deployer.deploy(release(trial, "1")))
    url, token = os.environ.get("MARATHON_URL") or trial.url, os.environ.get("MARATHON_TOKEN", "")
    with Unfaithful(url, token=token) as client:
        deployer.client = client
        report = deployer.deploy(release(trial, "2", health="503"))
    assert report.facts["old release live again"] is False
    assert "rollback is not proven" in str(report)


@pytest.mark.mutants("deploy")
def test_without_our_own_probe_a_check_that_always_passes_would_be_believed(
    trial: Trial, deployer: Deployer
) -> None:
    """So only the probe finds an instance of another release, and nothing that Marathon reports."""
    credulous = replace(deployer, probe_for=lambda _: lambda host, port: ProbeResult(True, f"{host}:{port}", ""))
    good(deployer.deploy(release(trial, "1")))
    changes, _ = BAD["check that always passes"]
    good(credulous.deploy(release(trial, "2", **changes)))
    assert releases_live(trial, deployer) == ["2"]

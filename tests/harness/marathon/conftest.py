"""Shared fixture of the deploy tests: a deployer on the Marathon of the test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from fixtures.marathon_trial import Trial
from fixtures.standin import moving_clock
from harness.marathon.client import Marathon
from harness.marathon.deploy import Deployer
from harness.marathon.follow import Pace
from tests.harness.marathon.deploying import probe_for

STEP = 4
"""Seconds of Marathon's time between two polls: the interval of the checks, so that no result is missed."""


@pytest.fixture
def deployer(trial: Trial) -> Iterator[Deployer]:
    """A deployer that advances a stand-in's clock with every poll; on a real Marathon time passes by itself."""
    token = os.environ.get("MARATHON_TOKEN", "")
    pull, acceptance_limit = trial.seconds(20, 120), trial.seconds(3, 60)
    with Marathon(os.environ.get("MARATHON_URL") or trial.url, token=token) as client:
        yield Deployer(
            client,
            probe_for,
            Pace(pull=pull, interval=0.05, clock=moving_clock(trial, STEP), acceptance_limit=acceptance_limit),
        )

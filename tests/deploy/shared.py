"""Helpers that the deploy tests share besides fixtures."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from harness.marathon.definition import load
from harness.releases import ROOT
from harness.rt.configuration import SITE_CONFIGURATION

RELEASE = "5.0.3"
DEFINITION: dict[str, Any] = load(ROOT / "marathon.json")
ABSENT = "/srv/rt-on-agents-alone"
"""A path that exists on agents only, never on this machine."""
Say = Callable[[str], None]


def own_definition() -> dict[str, Any]:
    """Return marathon.json with the volumes that "Make it yours" in docs/marathon.md tells users to add."""
    app = copy.deepcopy(DEFINITION)
    app["container"]["volumes"] += [
        {"containerPath": "/etc/msmtprc", "hostPath": f"{ABSENT}/msmtprc", "mode": "RO"},
        {"containerPath": SITE_CONFIGURATION, "hostPath": f"{ABSENT}/site.d", "mode": "RO"},
    ]
    return app


OWN_DEFINITION = own_definition()


def on_stage(item: pytest.Item) -> bool:
    """Whether a test needs the upgrade of its pair."""
    return "stage" in getattr(item, "fixturenames", ())

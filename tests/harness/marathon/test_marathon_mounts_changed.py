"""A site's own definition must run on this machine too: no duplicate mounts, none from a missing source."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from harness.marathon.lint import lint
from harness.marathon.mounts import leave_absent_out, mounts_of, put_mount
from harness.rt import SECRETS
from harness.rt.configuration import SITE_CONFIGURATION
from tests.deploy.shared import ABSENT, OWN_DEFINITION


def paths(app: dict[str, Any]) -> list[str]:
    """Return the path in the container of every volume."""
    return [one["containerPath"] for one in app["container"]["volumes"]]


def test_a_definition_of_ones_own_gets_each_mount_once(tmp_path: Path) -> None:
    """Its second volume is at the place of the copy's configuration: an engine does not start with both."""
    app = copy.deepcopy(OWN_DEFINITION)
    assert paths(app)[-2:] == ["/etc/msmtprc", SITE_CONFIGURATION], "as docs/marathon.md has people do"
    secrets, own = tmp_path / "secrets", tmp_path / "site.d"
    secrets.mkdir()
    own.mkdir()
    put_mount(app, SECRETS, str(secrets))
    put_mount(app, SITE_CONFIGURATION, str(own))
    said = leave_absent_out(app)
    found = mounts_of(app)
    assert (found[SECRETS], found[SITE_CONFIGURATION]) == (str(secrets), str(own))
    assert ABSENT not in str(app)
    assert sorted(paths(app)) == sorted({*paths(app)})
    assert [one for one in said if f"{ABSENT}/msmtprc" in one and "/etc/msmtprc of" in one], said
    assert [one.rule.id for one in lint(app) if one.level == "E"] == []


@pytest.mark.parametrize(
    "given",
    [
        {"volumes": [{"containerPath": f"{SITE_CONFIGURATION}/", "hostPath": "/srv/a", "mode": "RO"}]},
        {"volumes": [{"containerPath": f"{SITE_CONFIGURATION}/plugins", "hostPath": "/srv/a", "mode": "RO"}]},
        {"docker": {"parameters": [{"key": "volume", "value": f"/srv/a:{SITE_CONFIGURATION}:ro"}]}},
        {"docker": {"parameters": [{"key": "tmpfs", "value": f"{SITE_CONFIGURATION}:size=1m"}]}},
        {},
    ],
)
def test_what_was_there_goes_however_it_is_spelt(given: dict[str, Any], tmp_path: Path) -> None:
    """Mounts at the path and below must be removed, and no others."""
    other = {"containerPath": f"{SITE_CONFIGURATION}-other", "hostPath": str(tmp_path), "mode": "RO"}
    app = {"container": copy.deepcopy(given)}
    app["container"]["volumes"] = [*given.get("volumes", ()), other]
    put_mount(app, SITE_CONFIGURATION, str(tmp_path))
    assert mounts_of(app) == dict.fromkeys([SITE_CONFIGURATION, f"{SITE_CONFIGURATION}-other"], str(tmp_path))
    assert str(app).count(SITE_CONFIGURATION) == 2, "an engine does not start anything with two mounts at one path"


def test_only_what_the_engine_would_make_is_left_out(tmp_path: Path) -> None:
    """Sources that exist here stay, and so do those that are no path of a host."""
    (tmp_path / "msmtprc").write_text("")
    parameters = [
        {"key": "volume", "value": f"{tmp_path}:/here"},
        {"key": "volume", "value": "some-name:/a-volume-that-stays"},
        {"key": "tmpfs", "value": "/scratch:size=1m"},
        {"key": "hostname", "value": "rt"},
    ]
    volumes = [
        {"containerPath": "/etc/msmtprc", "hostPath": f"{tmp_path}/msmtprc", "mode": "RO"},
        {"containerPath": "/etc/absent", "hostPath": f"{tmp_path}/absent", "mode": "RO"},
        {"containerPath": "kept", "mode": "RW", "persistent": {"size": 1}},
    ]
    app: dict[str, Any] = {"container": {"docker": {"parameters": parameters}, "volumes": volumes}}
    said = leave_absent_out(app)
    assert app == {
        "container": {
            "docker": {"parameters": [parameters[0], *parameters[2:]]},
            "volumes": [volumes[0], volumes[2]],
        }
    }
    assert [any(where in one for one in said) for where in ("/etc/absent", "/a-volume-that-stays")] == [True, True]
    assert len(said) == 2

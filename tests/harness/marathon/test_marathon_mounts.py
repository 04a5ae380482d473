"""An instance's mounts decide which database it uses: no deploy may roll onto another one."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from harness.marathon.definition import load
from harness.marathon.mounts import secrets_of
from harness.marathon.rolling import decide, decide_among
from harness.releases import ROOT
from harness.rt import SECRETS

GOOD: dict[str, Any] = load(ROOT / "marathon.json")
STEPS = ["4.4.5", "5.0.3"]
OTHER = "/opt/share/docker/secrets/rt-2"
ABOVE = SECRETS.rpartition("/")[0]


def on(folder: str) -> dict[str, Any]:
    """Return the definition with its secrets from another folder of the host."""
    return mounted(volume(SECRETS, folder))


def mounted(*volumes: dict[str, Any], **parameters: str) -> dict[str, Any]:
    """Return the definition with only these volumes, and parameters for docker."""
    app = copy.deepcopy(GOOD)
    app["container"]["volumes"] = list(volumes)
    app["container"]["docker"]["parameters"] = [{"key": key, "value": value} for key, value in parameters.items()]
    return app


def volume(inside: str, folder: str) -> dict[str, str]:
    """Return a volume of a definition."""
    return {"containerPath": inside, "hostPath": folder, "mode": "RO"}


def external(name: str) -> dict[str, Any]:
    """Return a volume of a storage system of the cluster, at the place of the secrets."""
    return {"containerPath": SECRETS, "mode": "RO", "external": {"name": name, "provider": "dvdi"}}


def secret(name: str) -> dict[str, Any]:
    """Return a file that is a secret of DC/OS."""
    return {"containerPath": f"{SECRETS}/rt-db", "secret": name}


@pytest.mark.parametrize("steps", [STEPS, None], ids=["equal steps", "equal labels"])
@pytest.mark.parametrize("wanted", [on(OTHER), mounted()], ids=["another folder", "none"])
def test_nothing_rolls_onto_another_database(wanted: dict[str, Any], steps: list[str] | None) -> None:
    """Old instances would acknowledge writes that the new database never gets."""
    decision = decide(GOOD, wanted, steps, steps)
    assert (decision.how, "secrets change" in str(decision)) == ("stop-all", True), decision
    assert decide_among([(wanted, steps), (GOOD, steps)], wanted, steps).how == "stop-all", "an older task"
    assert decide({**GOOD, "instances": 0}, wanted, steps, steps).how == "first", "nobody writes there"


def test_another_database_makes_no_downgrade_right() -> None:
    """The strictest decision must stay; and pending steps stay named."""
    labels = GOOD["labels"] | {"RT_SCHEMA": STEPS[0]}
    assert decide(GOOD, on(OTHER) | {"labels": labels}, STEPS, STEPS[:1]).how == "refused"
    assert decide(GOOD | {"labels": labels}, on(OTHER), STEPS[:1], STEPS).pending == ("5.0.3",)


def test_the_same_folder_is_the_same_however_it_is_written() -> None:
    """A trailing slash means no other database, nor a parameter of docker another kind of volume."""
    here = GOOD["container"]["volumes"][0]["hostPath"]
    above, name = here.rsplit("/", 1)
    assert name == SECRETS.rpartition("/")[2], "the folder above holds it by the same name"
    for same in (
        on(f"{here}/"),
        on(f"{above}//x/../{name}"),
        mounted(volume=f"{here}:{SECRETS}/:ro"),
        mounted(mount=f"type=bind,source={here},target={SECRETS},readonly"),
        mounted(volume(ABOVE, above)),
        mounted(volume(f"{SECRETS}/rt-db", f"{here}/rt-db"), volume(SECRETS, "/srv/passwords")),
        mounted(volume("/opt/share", "/srv/empty"), v=f"{here}:{SECRETS}"),
    ):
        assert secrets_of(same) == f"{here}/rt-db"
        assert decide(GOOD, same, STEPS, STEPS).how == "rolling"
    assert decide(GOOD, mounted(v=f"{OTHER}:{SECRETS}"), STEPS, STEPS).how == "stop-all"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([volume(ABOVE, "/srv/a")], [volume(ABOVE, "/srv/b")]),
        ([volume("/opt/share", "/srv/a")], [volume("/opt/share", "/srv/b")]),
        ([volume(f"{SECRETS}/rt-db", "/srv/a/rt-db")], [volume(f"{SECRETS}/rt-db", "/srv/b/rt-db")]),
        ([volume(SECRETS, "/srv/a")], [volume(SECRETS, "/srv/a"), volume(f"{SECRETS}/rt-db", "/srv/b/rt-db")]),
        ([volume(ABOVE, "/srv/a")], [volume(ABOVE, "/srv/a"), volume(SECRETS, "/srv/b")]),
        ([external("a")], [external("b")]),
        ([secret("a")], [secret("b")]),
    ],
    ids=[
        "the folder above",
        "far above",
        "the file",
        "a file over its folder",
        "a folder over one",
        "external",
        "a secret of DC/OS",
    ],
)
def test_another_file_is_another_database_wherever_it_is_mounted(before: list[Any], after: list[Any]) -> None:
    """Nothing else shows it: steps, labels and image are the same."""
    assert decide(mounted(*before), mounted(*after), STEPS, STEPS).how == "stop-all"
    assert decide(mounted(*before), mounted(*before), STEPS, STEPS).how == "rolling"


def test_a_secret_is_where_the_app_says_that_it_comes_from() -> None:
    """Its name in the definition stays the same, and only the source behind it differs."""
    before, after = ({**mounted(secret("db")), "secrets": {"db": {"source": one}}} for one in ("rt/a", "rt/b"))
    assert decide(before, after, STEPS, STEPS).how == "stop-all"
    assert decide(before, before, STEPS, STEPS).how == "rolling"


def test_what_has_nothing_to_do_with_the_database_rolls() -> None:
    """It must roll even if the place of the database's address is unknown."""
    new = [volume("/opt/rt/site.d", "/srv/site.d"), volume(f"{SECRETS}/healthcheck.passwd", "/srv/password")]
    lasting: dict[str, Any] = {"containerPath": SECRETS, "mode": "RW", "persistent": {"size": 10}}
    assert decide(mounted(), mounted(*new), STEPS, STEPS).how == "rolling"
    assert decide(mounted(lasting), mounted(lasting, *new), STEPS, STEPS).how == "rolling"


@pytest.mark.parametrize(
    "inside",
    ["/opt/rt/guard", "/opt/rt/run/", "/opt/rt/lib/Guard", "/opt/rt/upgrade", "/opt/rt", "/", "/opt/x/../rt"],
)
def test_nothing_is_mounted_over_the_guard(inside: str) -> None:
    """With /bin/true in its place an image serves a database of any schema, and every instance is healthy."""
    own = {"containerPath": inside, "hostPath": "/bin/true", "mode": "RO"}
    decision = decide(GOOD, mounted(*GOOD["container"]["volumes"], own), STEPS, STEPS)
    assert (decision.how, "where the guard is" in str(decision)) == ("refused", True), decision
    assert decide(None, mounted(v=f"/bin/true:{inside}:ro"), None, STEPS).how == "refused"


@pytest.mark.parametrize("inside", ["/opt/rt/site.d", "/opt/rt/site.d/One.pm", "/opt/rt-extra", "/etc/msmtprc"])
def test_the_site_mounts_its_own_files(inside: str) -> None:
    """These places are meant for the site's files."""
    own = {"containerPath": inside, "hostPath": "/srv/own", "mode": "RO"}
    assert decide(GOOD, mounted(*GOOD["container"]["volumes"], own), STEPS, STEPS).how == "rolling"

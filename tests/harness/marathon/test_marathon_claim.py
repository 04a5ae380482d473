"""The mark of another run keeps a run away until that one is said to be over, by its name."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from harness.marathon.claim import REPLACING, require_others_unclaimed, require_unclaimed
from harness.marathon.definition import App
from harness.marathon.model import AppState
from harness.marathon.rolling import RollingRefusedError
from harness.rt import SECRETS

MARKED: App = {"id": "/rt", "labels": {REPLACING: "theirs"}}


@pytest.mark.parametrize("ended", [[], ["another"]], ids=["no word", "a word on another run"])
def test_the_mark_of_a_run_that_may_go_on_is_refused(ended: Collection[str]) -> None:
    """That an earlier run is over says nothing about the one that has marked the app since."""
    with pytest.raises(RollingRefusedError, match="marked by run theirs") as caught:
        require_unclaimed("/rt", MARKED, ended)
    assert "--ended theirs" in caught.value.repair


@pytest.mark.parametrize("live", [None, {"id": "/rt"}, MARKED], ids=["unknown", "unmarked", "over"])
def test_an_app_in_nobody_s_hands_is_free(live: App | None) -> None:
    """The run that marked the last one was named as over, among others."""
    require_unclaimed("/rt", live, ["another", "theirs"])


def on(app_id: str, folder: str, mark: str = "theirs") -> App:
    """Return a stopped app with the secrets of a folder, marked by a run."""
    volume = {"containerPath": SECRETS, "hostPath": folder, "mode": "RO"}
    return {"id": app_id, "instances": 0, "container": {"volumes": [volume]}, "labels": {REPLACING: mark}}


def test_a_database_in_the_hands_of_another_run_is_not_deployed_on() -> None:
    """During a backup nothing runs: a second app would write what a restore loses, and no instance tells of it."""
    mine, apps = on("/rt", "/etc/rt"), [AppState.read(on("/support/rt", "/etc/rt"))]
    with pytest.raises(RollingRefusedError, match=r"^/support/rt is marked by run theirs"):
        require_others_unclaimed(mine, apps, [])
    require_others_unclaimed(mine, apps, ["theirs"])
    elsewhere = [on("/rt", "/etc/rt"), on("/dev", "/etc/dev"), on("/support/rt", "/etc/rt", "")]
    require_others_unclaimed(mine, map(AppState.read, elsewhere), [])
    require_others_unclaimed({"id": "/none"}, apps, [])

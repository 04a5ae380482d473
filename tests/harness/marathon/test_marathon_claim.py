"""The mark of another run keeps a run away until that one is said to be over, by its name."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from harness.marathon.claim import REPLACING, require_unclaimed
from harness.marathon.definition import App
from harness.marathon.rolling import RollingRefusedError

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

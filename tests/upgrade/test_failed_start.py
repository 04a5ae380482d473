"""A site that does not come up is a finding, unless the machine or what no copy has is the reason."""

from __future__ import annotations

import pytest

from harness.common.waits import GoneError
from harness.errors import InfrastructureError
from harness.stage import visitor
from harness.stage.visitor import SiteStart

ENDED = GoneError("RT will not happen: it ended with exit code 71 (after 2.1 s).")


@pytest.mark.parametrize("code", ["137 (out of memory)", "70"])
def test_what_the_machine_does_to_a_site_is_no_finding(code: str) -> None:
    """The kernel kills the largest process if memory runs out, and the image's guard ends with 70 if the database
    server answers nothing within its patience, as on a slow disk; the site itself may be fine."""
    error = GoneError(f"RT will not happen: the container ended with exit code {code} (after 3 s).")
    with pytest.raises(GoneError):
        visitor.report_failed_start(error, lambda: None)
    assert visitor.report_failed_start(ENDED, lambda: None).findings


@pytest.mark.parametrize(
    ("why", "found"), [("it ends with exit code 71", 0), ("it ends with exit code 1", 1), ("", 1)]
)
def test_a_site_that_did_not_come_up_before_either_is_not_proven(why: str, found: int) -> None:
    """No copy has what the site's files need, with either release; any other reason for its end is a finding."""
    report = visitor.report_failed_start(ENDED, lambda: SiteStart("4.4.6", why))
    assert (len(report.findings), len(report.unanswered)) == (found, 1 - found)


def test_where_the_old_site_cannot_be_tried_the_finding_stays() -> None:
    """Without room for one more copy the question is open, but the site still does not come up."""

    def nobody() -> None:
        raise InfrastructureError("The engine's disk has 0.1 GB free.")

    report = visitor.report_failed_start(ENDED, nobody)
    assert len(report.findings) == 1
    assert report.unanswered == ["whether the site came up before: The engine's disk has 0.1 GB free."]

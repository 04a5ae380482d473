"""The end of a deploy on trial: hand in what it has shown, remove its app, and let no error hide either."""

from __future__ import annotations

import pytest

from fixtures.outcome import Remark, Verify
from harness.engine.faults import translate_any_error
from harness.marathon.client import Marathon
from harness.verdict import Report
from tests.deploy.rt_on_marathon import remove


def hand_in(report: Report, reservation: str, verify: Verify) -> None:
    """Hand in a deploy's report; a good one ends in a skip if there is a reservation, what it does not prove.

    With findings the report itself has the reservation: when they are signed off, it is what is left.
    """
    if not report:
        report.unanswered += filter(None, [reservation])
    verify(report)
    if reservation:
        pytest.skip(reservation)


def remove_or_remark(marathon: Marathon, app_id: str, remark: Remark, *, real: bool) -> None:
    """Remove an app and wait until its tasks are gone; if that fails, whatever the error, remark on it.

    An error here would hide that of the deploy, or the verdict on it. real: whether it is no stand-in of this run,
    which ends all tasks with itself.
    """
    try:
        remove(marathon, app_id)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no defect of the deploy
        why = translate_any_error(error).sentence
        how = f'curl -X DELETE "$MARATHON_URL/v2/apps{app_id}?force=true"' if real else "make clean"
        remark(f"{app_id}, deployed on trial, may still run, for its removal failed: {why} To remove it: {how}")

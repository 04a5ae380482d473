"""Carry out a change although Marathon's answer may be lost: see whether it was applied, and repeat it if not.

The election of a new leader may cost a request or its answer. Across a schema step the old release is stopped and
its database upgraded by the time that the new definition is put, so one lost request must not end a deploy.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.common.waits import NotReadyError, Retry
from harness.errors import HarnessError, with_instances_note
from harness.marathon.comparison import changes
from harness.marathon.definition import App
from harness.marathon.errors import PASSING, AppLockedError, MarathonError, RejectedError, ServerError
from harness.marathon.follow import Follower
from harness.marathon.model import AppState, Change
from harness.marathon.rollback import absolute

NOT_TAKEN = "whether Marathon took the change is not known: look at the app and its deployments"


def carry_out(follower: Follower, definition: App, act: Callable[[], Change], before: AppState | None) -> Change:
    """Carry out a change, and return the version that it made and the deployment to be watched.

    definition: the app's definition afterwards. act: requests the change, and may be called twice. before: the app
    as it was. A change that Marathon has not applied is requested again for the pace's acceptance limit, as
    long as the app is unchanged and no deployment of it runs. It is not repeated after a 500: this very change
    made Marathon fail. Raises RejectedError, and the error that cost the answer if the change was not applied or
    came from elsewhere.
    """
    try:
        return act()
    except PASSING as error:
        lost: MarathonError = error
    app_id = absolute(definition)

    def again() -> AppState | Change:
        nonlocal lost
        now = follower.client.find_app(app_id)
        if now is not None and (before is None or now.version != before.version):
            return now
        if isinstance(lost, ServerError):
            raise NotReadyError(f"{app_id} is as it was")
        if now is None and before is not None:
            raise Retry(f"{app_id} is gone")
        if now is not None and now.deployments:
            raise Retry(f"{app_id} is as it was, and is being deployed")
        try:
            change = act()
        except AppLockedError as error:
            raise Retry(f"{app_id} is as it was a moment ago, and locked") from error  # perhaps by the lost one
        except PASSING as error:
            lost = error
            raise
        # If an earlier request was applied late, this one changes nothing.
        now = follower.client.find_app(app_id)
        known = (before.version if before else None, change.version)
        return change if now is None or now.version in known else now

    try:
        made = follower.retry_until_accepted(f"A change of {app_id}", again)
    except RejectedError:
        raise
    except HarnessError:
        raise with_instances_note(lost, NOT_TAKEN) from None
    if isinstance(made, Change):
        return made
    # The default of this delay differs between versions of Marathon.
    differing = {*changes(definition, made.definition)} - ({"maxLaunchDelaySeconds"} - {*definition})
    if differing:
        raise with_instances_note(
            lost, f"the app has changed (version {made.version_text}), but not to what was sent"
        )
    return Change(made.version, "".join(made.deployments[:1]))

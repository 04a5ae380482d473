"""Carry a change out although Marathon's answer may be lost: see whether it was taken, and ask again where not.

A leader that is elected just then costs a request or its answer. Across a schema step the old release is stopped
and its database upgraded by the time that the new definition is put, so one lost request must not end a deploy.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.common.waits import NotReadyError, Retry
from harness.errors import HarnessError, told_of
from harness.marathon.comparison import changes
from harness.marathon.definition import App
from harness.marathon.errors import PASSING, AppLockedError, MarathonError, RejectedError, ServerError
from harness.marathon.follow import Follower
from harness.marathon.model import AppState, Change
from harness.marathon.wayback import absolute

NOT_TAKEN = "whether Marathon took the change is not known: look at the app and its deployments"


def carry_out(follower: Follower, definition: App, act: Callable[[], Change], before: AppState | None) -> Change:
    """Carry a change out, and return the version that it made and the deployment that has to be watched.

    definition: what the app is to be afterwards. act: asks for it, and may be called twice. before: the app as it
    was. A change that Marathon did not take is asked for again for the time that the pace insists, as long as the
    app is as it was and nothing deploys it. After a 500 it is not: Marathon stumbled over this very change.
    Raises RejectedError, and the error that cost the answer where the change was not taken or is somebody else's.
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
            raise Retry(f"{app_id} is as it was a moment ago, and locked") from error  # by what was lost, or not
        except PASSING as error:
            lost = error
            raise
        # An earlier request that was taken late makes of this one a change that changes nothing.
        now = follower.client.find_app(app_id)
        known = (before.version if before else None, change.version)
        return change if now is None or now.version in known else now

    try:
        made = follower.insist(f"A change of {app_id}", again)
    except RejectedError:
        raise
    except HarnessError:
        raise told_of(lost, NOT_TAKEN) from None
    if isinstance(made, Change):
        return made
    # How long a launch may be delayed has a default that differs between versions.
    differing = {*changes(definition, made.definition)} - ({"maxLaunchDelaySeconds"} - {*definition})
    if differing:
        raise told_of(lost, f"the app has changed (version {made.version_text}), but not to what was sent")
    return Change(made.version, "".join(made.deployments[:1]))

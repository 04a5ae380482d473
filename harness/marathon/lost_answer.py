"""Carry out a change although Marathon's answer may be lost: see whether it was applied, and repeat it if not.

The election of a new leader may cost a request or its answer, and with many deployments none is taken. Across
a schema step the old release is stopped and its database upgraded by the time that the new definition is put, so
one lost request must not end a deploy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.common.waits import NotReadyError, Retry
from harness.errors import HarnessError, with_instances_note
from harness.marathon.comparison import changes
from harness.marathon.definition import App
from harness.marathon.errors import PASSING, AppLockedError, MarathonError, RejectedError, ServerError
from harness.marathon.follow import Follower
from harness.marathon.model import AppState, Change
from harness.marathon.rollback import absolute

NOT_TAKEN = "whether Marathon took the change is not known: look at the app and its deployments"


@dataclass
class ChangeRequest:
    """A change that is requested until it is known to be applied.

    definition: the app's definition afterwards. act: requests the change, and may be called twice. before: the app
    as it was. repeat_500: repeat the request after a 500 too, because nothing runs until it is applied. lost: the
    error that cost the last answer.
    """

    follower: Follower
    definition: App
    act: Callable[[], Change]
    before: AppState | None
    repeat_500: bool = False
    lost: MarathonError = field(default_factory=lambda: MarathonError("No request was sent."))

    def send(self) -> Change:
        """Request the change, and return the version that it made and the deployment to be watched.

        A change that Marathon has not applied is requested again for the pace's acceptance limit, as long as the
        app is unchanged and no deployment of it runs. After a 500 only with `repeat_500`: this very change
        may be what Marathon fails at. Raises RejectedError, and the error that cost the answer if the change was
        not applied or came from elsewhere.
        """
        try:
            return self.act()
        except PASSING as error:
            self.lost = error
            return self._confirm()

    def _confirm(self) -> Change:
        """Find out whether a request was applied whose answer was lost; repeat it if not. Raises as `send`."""
        what = f"A change of {absolute(self.definition)}"
        try:
            made = self.follower.retry_until_accepted(what, self._look_or_repeat)
        except RejectedError:
            raise
        except HarnessError:
            raise with_instances_note(self.lost, NOT_TAKEN) from None
        return made if isinstance(made, Change) else self._change_of(made)

    def _look_or_repeat(self) -> AppState | Change:
        """Return the app if it has changed; otherwise repeat the request. Raises Retry if that must wait."""
        app_id, before = absolute(self.definition), self.before
        now = self.follower.client.find_app(app_id)
        if now is not None and (before is None or now.version != before.version):
            return now
        if isinstance(self.lost, ServerError) and not self.repeat_500:
            raise NotReadyError(f"{app_id} is as it was")
        if now is None and before is not None:
            raise Retry(f"{app_id} is gone")
        if now is not None and now.deployments:
            raise Retry(f"{app_id} is as it was, and is being deployed")
        try:
            change = self.act()
        except AppLockedError as error:  # perhaps by the lost request
            raise Retry(f"{app_id} is as it was a moment ago, and locked") from error
        except PASSING as error:
            self.lost = error
            raise
        # If an earlier request was applied late, this one changes nothing.
        now = self.follower.client.find_app(app_id)
        known = (before.version if before else None, change.version)
        return change if now is None or now.version in known else now

    def _change_of(self, now: AppState) -> Change:
        """Return the change that brought an app to its state. Raises `lost` if it is another one."""
        # The default of this delay differs between versions of Marathon.
        differing = {*changes(self.definition, now.definition)} - ({"maxLaunchDelaySeconds"} - {*self.definition})
        if differing:
            note = f"the app has changed (version {now.version_text}), but not to what was sent"
            raise with_instances_note(self.lost, note)
        return Change(now.version, "".join(now.deployments[:1]))

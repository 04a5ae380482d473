"""What a Marathon may answer instead of doing what it was asked: one exception each.

`harness.marathon.refusals.classify` tells which of them an answer is.
"""

from __future__ import annotations

from typing import Any

from harness.errors import InfrastructureError


class MarathonError(InfrastructureError):
    """Any answer that is not the one asked for. `status` is 0 when there was no HTTP answer at all."""

    status = 0
    deployments: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def __reduce__(self) -> Any:
        """Keep status, deployments and paths when the exception crosses a process."""
        return type(self), (self.sentence, self.blocks, self.repair), self.__dict__


class UnreachableError(MarathonError):
    """Nobody answered: wrong address, nothing listening, a time-out."""


class UnexpectedAnswerError(MarathonError):
    """Somebody answered who does not speak like a Marathon, or with a status nobody documented."""


class NotJsonError(UnexpectedAnswerError):
    """A success whose body is not the JSON that Marathon sends: something before it answered."""


class RejectedError(MarathonError):
    """Marathon refuses the definition or request itself: the same one will be refused again."""


class InvalidDefinitionError(RejectedError):
    """422 with paths: well-formed, but a rule of Marathon is broken."""


class WrongTypeError(RejectedError):
    """422 (400 on 1.4) "Invalid JSON" with paths: a value of the wrong type or out of its range."""


class MalformedJsonError(RejectedError):
    """400: the body is not JSON at all."""


class EmptyBodyError(RejectedError):
    """400: there was no body."""


class ScaleAndWipeError(RejectedError):
    """400: scale and wipe were asked for together."""


class ContentTypeError(RejectedError):
    """415: the body was not announced as JSON."""


class AppExistsError(RejectedError):
    """409 on creation: the id is taken."""


class AppLockedError(MarathonError):
    """409: another deployment of the app is running. `deployments` has their ids."""


class TooManyDeploymentsError(MarathonError):
    """403: the server runs as many deployments as it may."""


class AuthenticationError(MarathonError):
    """401: no credentials or wrong ones, or a redirect to somebody's login page."""


class ForbiddenError(MarathonError):
    """403: known, but not allowed to."""


class NotFoundError(MarathonError):
    """404 of any kind."""


class AppNotFoundError(NotFoundError):
    """There is no app with that id."""


class VersionNotFoundError(NotFoundError):
    """The app exists, but not in that version."""


class TaskNotFoundError(NotFoundError):
    """There is no such task (any more)."""


class DeploymentNotFoundError(NotFoundError):
    """The deployment is over or never was."""


class NotQueuedError(NotFoundError):
    """Nothing of the app waits to be launched."""


class NoLeaderError(NotFoundError):
    """The Marathons have not elected a leader."""


class UnknownUriError(NotFoundError):
    """404 (500 on Marathon 1.6 to 1.10): this server has no such endpoint."""


class LeaderUnreachableError(MarathonError):
    """502, 503 or 504: what stands before the leader, often another Marathon, could not pass the request on."""


class BusyError(MarathonError):
    """408 or 429: something before Marathon wants to be asked again later."""


class NotAcceptedError(MarathonError):
    """405 or 406: the address is right, and does not take this method or send this type."""


class ServerError(MarathonError):
    """500: Marathon stumbled. 1.5 and later also answer so to a COMMAND check with a path or port."""


PASSING = (UnreachableError, LeaderUnreachableError, ServerError, BusyError, NotJsonError)
"""Trouble that a Marathon gets over by itself, such as an election: whoever waits goes on asking."""

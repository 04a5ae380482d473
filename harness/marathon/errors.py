"""Exceptions for the answers of a Marathon other than a success, one for each kind.

`harness.marathon.refusals.classify` maps an answer to its exception.
"""

from __future__ import annotations

from typing import Any

from harness.errors import InfrastructureError


class MarathonError(InfrastructureError):
    """Any answer other than the expected one. `status` is 0 if there was no HTTP answer at all."""

    status = 0
    deployments: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def __reduce__(self) -> Any:
        """Keep status, deployments and paths when the exception is pickled for another process."""
        return type(self), (self.sentence, self.blocks, self.repair), self.__dict__


class UnreachableError(MarathonError):
    """No answer: wrong address, nothing listening, a time-out."""


class UnexpectedAnswerError(MarathonError):
    """An answer that is not in Marathon's form, or with an undocumented status."""


class NotJsonError(UnexpectedAnswerError):
    """A success whose body is not the JSON that Marathon sends: a proxy answered."""


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
    """400: scale and wipe were requested together."""


class ContentTypeError(RejectedError):
    """415: the content type was not JSON."""


class AppExistsError(RejectedError):
    """409 on creation: the id is taken."""


class AppLockedError(MarathonError):
    """409: another deployment of the app is running. `deployments` has their ids."""


class TooManyDeploymentsError(MarathonError):
    """403: the server's maximum number of deployments is running."""


class AuthenticationError(MarathonError):
    """401: no credentials or wrong ones, or a redirect to a login page."""


class ForbiddenError(MarathonError):
    """403: authenticated, but not allowed."""


class NotFoundError(MarathonError):
    """404 of any kind."""


class AppNotFoundError(NotFoundError):
    """There is no app with that id."""


class VersionNotFoundError(NotFoundError):
    """The app exists, but not in that version."""


class TaskNotFoundError(NotFoundError):
    """There is no such task (any more)."""


class DeploymentNotFoundError(NotFoundError):
    """The deployment is over or never existed."""


class NotQueuedError(NotFoundError):
    """No tasks of the app wait to be launched."""


class NoLeaderError(NotFoundError):
    """The cluster has no elected leader."""


class UnknownUriError(NotFoundError):
    """404 (500 on Marathon 1.6 to 1.10): this server has no such endpoint."""


class LeaderUnreachableError(MarathonError):
    """502, 503 or 504: a proxy before the leader, often another Marathon, could not pass the request on."""


class BusyError(MarathonError):
    """408 or 429: a proxy before Marathon asks for a later attempt."""


class NotAcceptedError(MarathonError):
    """405 or 406: the address is right, but does not accept this method or send this type."""


class ServerError(MarathonError):
    """500: an error inside Marathon. 1.5 and later also answer so to a COMMAND check with a path or port."""


PASSING = (
    UnreachableError,
    LeaderUnreachableError,
    ServerError,
    BusyError,
    NotJsonError,
    TooManyDeploymentsError,
)
"""Errors that pass without intervention, such as an election: requests during a wait are repeated."""

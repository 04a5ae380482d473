"""Define the common interface of RT's two REST versions, and the errors for a refusal."""

from __future__ import annotations

import mimetypes
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from harness.errors import HarnessError, InfrastructureError


class RestError(HarnessError):
    """RT's REST interface refused a request or sent an invalid answer: a defect of the site, for a finding."""

    def __init__(self, where: str, what: str) -> None:
        """Store where ("REST 1: create ticket") and RT's message, for the finding."""
        super().__init__(f"{where}: {what}")
        self.where, self.what = where, what

    def __reduce__(self) -> Any:
        """Pickle by the constructor's arguments."""
        return type(self), (self.where, self.what)


class SlowError(InfrastructureError):
    """RT's REST interface did not answer in time: the machine may be busy, or the site may hang."""


@dataclass(frozen=True)
class File:
    """A file to attach: name, bytes, media type."""

    name: str
    content: bytes
    type: str = ""

    @property
    def media_type(self) -> str:
        """Return the given type, else one guessed from the name."""
        return self.type or mimetypes.guess_type(self.name)[0] or "application/octet-stream"


class Client(ABC):
    """A client of RT's REST interface. All methods raise RestError if RT refuses the request."""

    version: int

    def __enter__(self) -> Self:
        """Return itself; the connection is closed when the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def create(self, queue: str, subject: str, text: str, files: Sequence[File] = (), **fields: Any) -> int:
        """Create a ticket; return its id. fields: Requestor, Cc, AdminCc, Owner, Priority ... by RT's names."""

    @abstractmethod
    def read(self, ticket: int) -> dict[str, Any]:
        """Return a ticket's fields, queue and owner by name, watchers as sorted lists of addresses or names."""

    @abstractmethod
    def reply(self, ticket: int, text: str) -> None:
        """Answer a ticket's requestors."""

    @abstractmethod
    def comment(self, ticket: int, text: str, files: Sequence[File] = ()) -> None:
        """Comment on a ticket."""

    @abstractmethod
    def search(self, query: str) -> list[int]:
        """Return the ids of the tickets that a TicketSQL query finds, ascending."""

    @abstractmethod
    def attachments(self, ticket: int) -> dict[int, str]:
        """Return id to file name of a ticket's attached files."""

    @abstractmethod
    def attachment(self, ticket: int, attachment: int) -> bytes:
        """Return the bytes of an attachment."""

"""Use RT's two REST interfaces through python-rt with one interface: create, read, reply, search, attachments.

Version 1 is in every release and reports its status in the body; version 2 came with RT 5. Both check the address
they are called by, so the library's HTTP sessions get the headers of `WebSite.session`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import requests
from requests.adapters import HTTPAdapter
from rt import rest1, rest2
from rt.exceptions import RtError

from harness.rt.rest_client import Client, File, RestError, SlowError
from harness.rt.web_site import WebSite

__all__ = ["Client", "File", "RestError", "RestOne", "RestTwo", "SlowError", "client"]

LIMIT = 60
"""Seconds for one request."""
_NOT_RECORDED = "could not be recorded"


def client(rt: WebSite, user: str, password: str, version: int = 1) -> Client:
    """Return a logged-in client of REST 1 or 2. Raises RestError if RT refuses the login."""
    return (RestOne if version == 1 else RestTwo)(rt, user, password)


class _Bounded(HTTPAdapter):
    """Adds the time-out LIMIT to requests, and sends them to this site alone.

    python-rt's client of version 1 sets no time-out, and follows redirects: single sign-on leads to the site's own
    service, which a copy must not reach.
    """

    def __init__(self, home: str) -> None:
        """Store the site's address."""
        super().__init__()
        self._home = f"{home}/"

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        """Send a request.

        Raises requests.Timeout if the site sends nothing for LIMIT seconds, requests.ConnectionError if the
        request is for another host.
        """
        if not (request.url or "").startswith(self._home):
            raise requests.ConnectionError("RT leads to another host")
        return super().send(request, *arguments, **{**options, "timeout": options.get("timeout") or LIMIT})


class RestOne(Client):
    """REST 1.0. Files are sent as multipart, everything else as lines of text."""

    version = 1

    def __init__(self, rt: WebSite, user: str, password: str) -> None:
        """Log in."""
        self._rt = rest1.Rt(f"{rt.url}/REST/1.0/", user, password)
        self._rt.session.headers.update(rt.session().headers)
        for scheme in ("http://", "https://"):
            self._rt.session.mount(scheme, _Bounded(rt.url))
        self._answer = ""
        self._rt.session.hooks["response"].append(self._listen)
        if not self._call("login", self._rt.login):
            raise RestError("REST 1: login", f"RT refuses the login of {user!r}")

    def _call(self, what: str, method: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return method(*arguments, **options)
        except Warning as error:  # the library warns of a refusal, line by line; warnings may be errors
            raise RestError(f"REST 1: {what}", self._refusal()) from error
        except (RtError, requests.Timeout, ConnectionError, ValueError, LookupError) as error:
            # The library wraps errors of connecting, but not those of reading.
            if isinstance(error, requests.Timeout) or isinstance(error.__cause__, requests.Timeout):
                raise SlowError(f"REST 1: {what}: no answer within {LIMIT} s.") from error
            raise RestError(f"REST 1: {what}", f"{type(error).__name__}: {error}") from error

    def _listen(self, answer: requests.Response, **_: Any) -> None:
        self._answer = answer.text

    def _refusal(self) -> str:
        """Return the reasons in RT's last answer: lines like comments, below its own status."""
        reasons = [line.removeprefix("# ").strip() for line in self._answer.splitlines()[1:]]
        return " ".join(dict.fromkeys(filter(None, reasons))) or "RT did not do it, and gives no reason"

    def _write(self, what: str, method: Any, ticket: int, text: str, files: Sequence[File]) -> None:
        """Reply or comment.

        RT also answers 200 if it could not record the message, and the library does not check.
        RT's message is the last line of the body (html/REST/1.0/ticket/comment of every release).
        """
        done = self._call(what, method, ticket, text, files=_as_streams(files))
        said = self._answer.strip().rpartition("\n")[2]
        if not done or said.startswith("RT/") or _NOT_RECORDED in said:
            raise RestError(f"REST 1: {what}", "RT did not take it")

    def close(self) -> None:
        """Close the connection."""
        self._rt.session.close()

    def create(self, queue: str, subject: str, text: str, files: Sequence[File] = (), **fields: Any) -> int:
        """Create a ticket; return its id."""
        ticket = self._call(
            "create ticket",
            self._rt.create_ticket,
            queue,
            files=_as_streams(files),
            Subject=subject,
            Text=text.replace("\n", "\n "),
            **fields,
        )
        if ticket < 1:
            raise RestError("REST 1: create ticket", self._refusal())
        return int(ticket)

    def read(self, ticket: int) -> dict[str, Any]:
        """Return a ticket's fields."""
        fields = self._call(f"read ticket {ticket}", self._rt.get_ticket, ticket)
        if not fields:
            raise RestError(f"REST 1: read ticket {ticket}", "RT has no such ticket")
        return {**fields, "Requestor": sorted(fields.get("Requestors", []))}

    def reply(self, ticket: int, text: str) -> None:
        """Answer a ticket's requestors."""
        self._write(f"reply to ticket {ticket}", self._rt.reply, ticket, text, ())

    def comment(self, ticket: int, text: str, files: Sequence[File] = ()) -> None:
        """Comment on a ticket."""
        self._write(f"comment on ticket {ticket}", self._rt.comment, ticket, text, files)

    def search(self, query: str) -> list[int]:
        """Return the ids of the tickets that a TicketSQL query finds."""
        tickets = self._call("search", self._rt.search, rest1.ALL_QUEUES, raw_query=query, Format="i")
        return sorted(
            int(str(fields.get("numerical_id") or fields["id"]).rpartition("/")[2]) for fields in tickets
        )

    def attachments(self, ticket: int) -> dict[int, str]:
        """Return id to file name of a ticket's attached files."""
        listed = self._call(f"list attachments of ticket {ticket}", self._rt.get_attachments, ticket) or []
        return {int(number): name for number, name, _, _ in listed if name != "(Unnamed)"}

    def attachment(self, ticket: int, attachment: int) -> bytes:
        """Return the bytes of an attachment."""
        where = f"read attachment {attachment}"
        content = self._call(where, self._rt.get_attachment_content, ticket, attachment)
        if content is None:
            raise RestError(f"REST 1: {where}", "RT has no such attachment")
        # RT 4.4.4 adds line breaks to the end of the body; the attachment's header gives its true length.
        facts = self._call(where, self._rt.get_attachment, ticket, attachment) or {}
        length = int(facts.get("Headers", {}).get("Content-Length") or len(content))
        return bytes(content[:length] if not content[length:].strip(b"\n") else content)


class RestTwo(Client):
    """REST 2.0, JSON."""

    version = 2

    def __init__(self, rt: WebSite, user: str, password: str) -> None:
        """Log in with basic authentication."""
        access = httpx2.BasicAuth(user, password)
        self._rt = rest2.Rt(f"{rt.url}/REST/2.0/", http_auth=access, http_timeout=LIMIT)
        self._rt.session.headers["Host"] = str(rt.session().headers["Host"])
        try:
            self._call("login", lambda: list(self._rt.search(raw_query="id = 0", query_format="i")))
        except BaseException:
            self.close()
            raise

    def _call(self, what: str, method: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return method(*arguments, **options)
        except (RtError, ConnectionError, ValueError, LookupError) as error:
            if isinstance(error.__cause__, httpx2.TimeoutException):
                raise SlowError(f"REST 2: {what}: no answer within {LIMIT} s.") from error
            raise RestError(f"REST 2: {what}", f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Close the connection."""
        self._rt.session.close()

    def create(self, queue: str, subject: str, text: str, files: Sequence[File] = (), **fields: Any) -> int:
        """Create a ticket; return its id."""
        return int(
            self._call(
                "create ticket",
                self._rt.create_ticket,
                queue,
                subject=subject,
                content=text,
                attachments=_as_attachments(files),
                **fields,
            )
        )

    def read(self, ticket: int) -> dict[str, Any]:
        """Return a ticket's fields."""
        fields: dict[str, Any] = self._call(f"read ticket {ticket}", self._rt.get_ticket, ticket)
        plain = {key: _name_of(value) for key, value in fields.items() if not key.startswith("_")}
        return {**plain, **{role: sorted(_names_of(fields.get(role))) for role in ("Requestor", "Cc", "AdminCc")}}

    def reply(self, ticket: int, text: str) -> None:
        """Answer a ticket's requestors."""
        self._call(f"reply to ticket {ticket}", self._rt.reply, ticket, text)

    def comment(self, ticket: int, text: str, files: Sequence[File] = ()) -> None:
        """Comment on a ticket."""
        attached = _as_attachments(files)
        self._call(f"comment on ticket {ticket}", self._rt.comment, ticket, text, attachments=attached)

    def search(self, query: str) -> list[int]:
        """Return the ids of the tickets that a TicketSQL query finds."""
        tickets = self._call("search", lambda: list(self._rt.search(raw_query=query, query_format="i")))
        return sorted(int(fields["id"]) for fields in tickets)

    def attachments(self, ticket: int) -> dict[int, str]:
        """Return id to file name of a ticket's attached files."""
        listed = self._call(f"list attachments of ticket {ticket}", self._rt.get_attachments, ticket)
        return {int(fields["id"]): fields["Filename"] for fields in listed if fields.get("Filename")}

    def attachment(self, ticket: int, attachment: int) -> bytes:  # noqa: ARG002 - version 1 needs the ticket
        """Return the bytes of an attachment."""
        answer: Mapping[str, Any] = self._call(
            f"read attachment {attachment}", self._rt.get_attachment, attachment
        )
        return base64.b64decode(answer.get("Content") or "")


def _as_streams(files: Sequence[File]) -> list[tuple[str, Any, str | None]] | None:
    return [(file.name, io.BytesIO(file.content), file.media_type) for file in files] or None


def _as_attachments(files: Sequence[File]) -> list[rest2.Attachment] | None:
    return [rest2.Attachment(file.name, file.media_type, file.content) for file in files] or None


def _name_of(value: Any) -> Any:
    """Return the name of an object that REST 2 gives as {id, type, Name?}; other values as they are."""
    return value.get("Name") or value.get("id") if isinstance(value, dict) and "id" in value else value


def _names_of(value: Any) -> list[str]:
    entries = value if isinstance(value, list) else [value] if value else []
    return [str(_name_of(entry)) for entry in entries]

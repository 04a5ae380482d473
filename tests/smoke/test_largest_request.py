"""One request must not take an instance's memory: RT reads what is posted before it asks who posts it."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
from collections.abc import Callable

import pytest

from fixtures.healthcheck_user import ROOT
from fixtures.rt import RtFactory
from harness.dump.choice import DEFAULT_TARGET
from harness.rt import HTTP, Rt, rest
from tests.smoke.instances import ALIKE, TWO_WORKERS, Instances

LOGIN_PAGE = "/NoAuth/Login.html"
REST_TWO = "/REST/2.0/ticket"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
CASES = (
    ("RT_LARGEST_FORM", LOGIN_PAGE, URLENCODED),
    ("RT_LARGEST_FORM", LOGIN_PAGE, "text/plain"),
    ("RT_LARGEST_FORM", LOGIN_PAGE, "Multipart/form-data; boundary=b"),
    ("RT_LARGEST_FORM", REST_TWO, URLENCODED),
    ("RT_LARGEST_FORM", f"/{REST_TWO}", "application/json"),
    ("RT_LARGEST_REQUEST", LOGIN_PAGE, MULTIPART),
    ("RT_LARGEST_REQUEST", REST_TWO, "application/json"),
)
"""Which bound is for which path and type of content: the smaller one where CGI.pm or Plack read into memory.

They compare types by letter case, and RT finds REST 2 only by its exact path.
"""
TOO_LARGE = 413
LENGTH_REQUIRED = 411


def posted(site: Rt, path: str, kind: str, length: int | None, body: bytes | None = None) -> int:
    """Post a body; return the status.

    length: the one that the head says; None for a body in chunks. body: None for a head alone, whose body is still
    to come.
    """
    said = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
    with contextlib.closing(http.client.HTTPConnection(*site.container.address(HTTP), timeout=60)) as connection:
        connection.putrequest("POST", path, skip_host=True)
        for name, value in {"Host": "localhost", "Content-Type": kind, **said}.items():
            connection.putheader(name, value)
        connection.endheaders(body, encode_chunked=length is None)
        return connection.getresponse().status


@ALIKE
def test_a_larger_one_is_refused_unread(served: Rt) -> None:
    """Apache's own bound is 1 GiB, and RT has none."""
    for bound, path, kind in CASES:
        length = int(served.need("printenv", bound)) + 1
        assert posted(served, path, kind, length) == TOO_LARGE, f"{kind} of {length} bytes to {path}"


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")  # only rt.psgi matters, not the RT
def test_the_bounds_are_the_environments(instances: Instances, rt_site: RtFactory) -> None:
    """A site that allows larger attachments has to say so."""
    bounds = {"RT_LARGEST_REQUEST": "2000", "RT_LARGEST_FORM": "1000", "RT_MOST_FIELDS": "20"}
    site = rt_site(instances.version, instances.database, environment={**TWO_WORKERS, **bounds})
    for kind, bound in ((URLENCODED, 1000), (MULTIPART, 2000)):
        assert posted(site, LOGIN_PAGE, kind, bound, b"x" * bound) != TOO_LARGE
        assert posted(site, LOGIN_PAGE, kind, bound + 1) == TOO_LARGE
    for fields, refused in ((10, False), (100, True)):
        status = posted(site, LOGIN_PAGE, MULTIPART, None, in_parts(fields))
        assert (status == TOO_LARGE) == refused, f"{status} for {fields} fields in chunks"
    for fields, refused in ((20, False), (21, True)):
        body = urlencoded(fields)
        status = posted(site, LOGIN_PAGE, URLENCODED, len(body), body)
        assert (status == TOO_LARGE) == refused, f"{status} for {fields} fields"


@ALIKE
def test_one_of_unknown_length_is_refused_unless_it_is_multipart(served: Rt) -> None:
    """RT reads no form of unknown length, but answers as if it were empty; REST 2 reads all of it into memory."""
    for path, kind in ((LOGIN_PAGE, URLENCODED), (REST_TWO, URLENCODED), (REST_TWO, "application/json")):
        assert posted(served, path, kind, None, b"a=b") == LENGTH_REQUIRED, f"{kind} to {path}"


def urlencoded(fields: int) -> bytes:
    """Return the smallest fields in the form of an address's query."""
    return b"&".join(b"a%d=" % number for number in range(fields))


def in_parts(fields: int) -> bytes:
    """Return the same as a multipart body."""
    part = b'--b\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n\r\n'
    return b"".join(part % number for number in range(fields)) + b"--b--\r\n"


FORMS = (
    (LOGIN_PAGE, URLENCODED, urlencoded),
    (LOGIN_PAGE, MULTIPART, in_parts),
    (REST_TWO, MULTIPART, in_parts),
)
"""Path, type and maker of each kind of form that RT reads in a way of its own."""


@pytest.mark.parametrize(("path", "kind", "made"), FORMS, ids=["url", "parts", "rest-2-parts"])
@ALIKE  # below the others: pipelines select a release's tests by the first part of their ids
def test_one_of_too_many_fields_is_refused(served: Rt, path: str, kind: str, made: Callable[[int], bytes]) -> None:
    """A field of a few bytes takes RT some 2 kB: a request within the bound could still take all memory."""
    most = int(served.need("printenv", "RT_MOST_FIELDS"))
    for fields, refused in ((most, False), (most + 1, True)):
        body = made(fields)
        status = posted(served, path, kind, len(body), body)
        assert (status == TOO_LARGE) == refused, f"{status} for {fields} fields"


LARGEST_ATTACHMENT = 50 * 1024 * 1024
"""The image's MaxAttachmentSize."""
LARGEST_PACKET = 128 * 1024 * 1024
"""Bytes of a statement that the server must accept; a server's default is less than that attachment."""


@pytest.mark.parametrize("interface", [1, 2])
@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")
def test_the_largest_attachment_still_goes_through(instances: Instances, served: Rt, interface: int) -> None:
    """REST 1 sends it as it is, REST 2 a third larger in base64."""
    content = hashlib.shake_256(b"largest").digest(LARGEST_ATTACHMENT)
    before = instances.database.value("SELECT @@GLOBAL.max_allowed_packet")
    instances.database.execute(f"SET GLOBAL max_allowed_packet = {LARGEST_PACKET}", root=True)
    try:
        with rest.client(served, *ROOT, version=interface) as client:
            number = client.create("General", "The largest", "Text", [rest.File("largest.bin", content)])
        stored = instances.database.value(
            "SELECT MD5(Content) FROM Attachments JOIN Transactions ON Transactions.id = TransactionId"
            f" WHERE ObjectType = 'RT::Ticket' AND ObjectId = {number} AND Filename = 'largest.bin'"
        )
    finally:
        instances.database.execute(f"SET GLOBAL max_allowed_packet = {before}", root=True)
    assert stored == hashlib.md5(content, usedforsecurity=False).hexdigest()

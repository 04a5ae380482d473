"""Faults between a client and Marathon: lost answers, an election, answers by a proxy."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from harness.marathon.client import Marathon

LOCKED = {"message": "App is locked by one or more deployments.", "deployments": [{"id": "97c136bf"}]}
"""The answer to a change of an app that is being deployed."""


@dataclass
class Fault:
    """The fault for the next `times` requests whose "METHOD /path" matches `request`.

    status: the status answered instead, with `body` (JSON, or raw bytes); 0: no answer at all. taken: the request
    reaches Marathon all the same, only its answer is lost. after: number of requests to let pass first.
    """

    request: str
    status: int = 0
    body: Any = b""
    times: int = 1
    taken: bool = False
    after: int = 0
    headers: dict[str, str] = field(default_factory=dict)


class Meddler(HTTPAdapter):
    """Intercepts a client's requests, applies the faults, and records the requests."""

    def __init__(self, *faults: Fault) -> None:
        """Prepare; `asked` holds every request as "METHOD /path?query"."""
        super().__init__()
        self.faults = list(faults)
        self.asked: list[str] = []

    def send(self, request: requests.PreparedRequest, *rest: Any, **more: Any) -> requests.Response:
        """Send a request, or apply a fault."""
        said = f"{request.method} {request.path_url}"
        self.asked.append(said)
        for fault in self.faults:
            if fault.times and re.search(fault.request, said):
                if fault.after:
                    fault.after -= 1
                    continue
                fault.times -= 1
                return self._meddle(fault, request, *rest, **more)
        return super().send(request, *rest, **more)

    def _meddle(
        self, fault: Fault, request: requests.PreparedRequest, *rest: Any, **more: Any
    ) -> requests.Response:
        if fault.taken:
            super().send(request, *rest, **more).close()
        if not fault.status:
            raise requests.ReadTimeout("nobody answered in time", request=request)
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = fault.status, request, request.url or ""
        answer.headers.update(fault.headers)
        raw = fault.body if isinstance(fault.body, bytes) else json.dumps(fault.body).encode()
        answer.raw = HTTPResponse(io.BytesIO(raw), preload_content=False)
        return answer

    def count(self, pattern: str) -> int:
        """Return how many requests matched a pattern."""
        return sum(bool(re.search(pattern, one)) for one in self.asked)


def meddle(client: Marathon, *faults: Fault) -> Meddler:
    """Insert faults between a client and its Marathon."""
    meddler = Meddler(*faults)
    client.session.mount("http://", meddler)
    return meddler

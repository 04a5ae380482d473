"""Find the container engine that answers, without guessing.

Order: DOCKER_HOST, the context of DOCKER_CONTEXT or the current one, Docker's usual socket, Podman's sockets.

`containers` starts containers through `file_container` in the `session_network` and runs `commands` in them;
`creation` keeps account of what is being created;
`shared_files` tells whether they see this machine's files; `faults` turns errors into sentences; `runners` tells
whether the harness of another machine or container still runs; `listed` lists containers, networks and volumes
while others come and go; `kept` removes what outlives a run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import requests
from docker import APIClient, DockerClient
from docker.context import ContextAPI
from docker.context.config import get_tls_dir
from docker.errors import DockerException

from harness.engine import runners
from harness.errors import InfrastructureError

REPAIR = (
    "run `make engine` as root on Debian or Ubuntu to install and start the distribution's engine, or start "
    "your own Docker or Podman and, if it is not at its usual socket, name it in DOCKER_HOST"
)
NOT_YOURS = (
    "run this as a user who may use that socket: root, or one of its group (`ls -l` shows it; often docker)"
)
NO_SSH = (
    "ssh:// is not spoken here; forward the socket: `ssh -NL /tmp/engine.sock:/var/run/docker.sock HOST`, then "
    "DOCKER_HOST=unix:///tmp/engine.sock and TESTCONTAINERS_HOST_OVERRIDE=HOST"
)
_VERIFY, _CERTIFICATES = "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"
_FORBIDDEN = 403
_reached: set[str] = set()
"""Addresses of the engines that this process has had a client of."""


def _certificates_of_the_engine(self: APIClient, *arguments: Any, **named: Any) -> Any:
    """Keep the engine's own certificate authority: requests would prefer REQUESTS_CA_BUNDLE, meant for the web."""
    settings = requests.Session.merge_environment_settings(self, *arguments, **named)
    return {**settings, "verify": self.verify} if isinstance(self.verify, str) else settings


APIClient.merge_environment_settings = _certificates_of_the_engine  # type: ignore[method-assign,assignment]


class NoEngineError(InfrastructureError):
    """No container engine answers."""


@dataclass(frozen=True)
class Candidate:
    """An address at which an engine may answer. certificates: directory of TLS certificates, "" for none.

    verify: the value of DOCKER_TLS_VERIFY, None if unset. chosen: the user named it, so no other one is tried.
    """

    address: str
    chosen: bool = False
    verify: str | None = None
    certificates: str = ""

    def settings(self) -> dict[str, str]:
        """Return the settings as environment variables, which testcontainers and the docker program also read."""
        found = {"DOCKER_HOST": self.address}
        if self.verify is not None:
            found[_VERIFY] = self.verify
        if self.certificates:
            found[_CERTIFICATES] = self.certificates
        return found

    def client(self, timeout: int) -> DockerClient:
        """Return a client of this engine. Raises DockerException if it does not answer."""
        return docker.from_env(environment=self.settings(), timeout=timeout)

    def trouble(self) -> str:
        """Return in a few words why this engine cannot be used; "" if it answers."""
        if self.address.startswith("ssh://"):
            return NO_SSH
        if self.address.startswith("unix://") and (missing := _no_socket(self.address.removeprefix("unix://"))):
            return missing
        try:
            client = self.client(10)
            try:
                client.ping()
            finally:
                client.close()
        except (DockerException, requests.RequestException, OSError, ValueError) as error:
            return _innermost_reason(error)
        return ""


def _no_socket(path: str) -> str:
    try:
        return "" if Path(path).exists() else "no such socket"
    except PermissionError:
        return f"permission denied; {NOT_YOURS}"


def _innermost_reason(error: BaseException) -> str:
    """Return the innermost reason: the libraries wrap it several times."""
    seen: list[BaseException] = [error]
    for wrapper in seen:
        if isinstance(wrapper, PermissionError):
            return f"permission denied; {NOT_YOURS}"
        inner = [wrapper.__cause__, wrapper.__context__, *wrapper.args]
        seen += [part for part in inner if isinstance(part, BaseException) and part not in seen]
        seen += [p for part in inner if isinstance(part, tuple) for p in part if isinstance(p, BaseException)]
    text = " ".join(str(error).split())[:300]
    answers = (getattr(part, "response", None) for part in seen)
    answer = next((response for response in answers if response is not None), None)
    if answer is not None and answer.status_code == _FORBIDDEN:
        return f"it answers that you may not ({text}); {NOT_YOURS}"
    return text or type(error).__name__


def candidates() -> Iterator[Candidate]:
    """Yield the addresses at which an engine may answer, the user's own choice first.

    A DOCKER_HOST or context that was chosen is the only candidate: silently using another engine than the one
    that was named could touch containers that the user did not mean.
    """
    if named := os.environ.get("DOCKER_HOST"):
        yield Candidate(named, True, os.environ.get(_VERIFY), os.environ.get(_CERTIFICATES, ""))
        return
    if (context := _of_context(os.environ.get("DOCKER_CONTEXT"))) is not None:
        yield context
        return
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    for path in ("/var/run/docker.sock", f"{runtime}/docker.sock", f"{runtime}/podman/podman.sock"):
        yield Candidate(f"unix://{path}")
    yield Candidate("unix:///run/podman/podman.sock")


def _of_context(name: str | None) -> Candidate | None:
    """Return the engine of a docker context, by default the current one; None for the default context."""
    try:
        context = ContextAPI.get_context(name) if name else ContextAPI.get_current_context()
    except Exception:  # noqa: BLE001 - a broken ~/.docker says nothing about the engine; the library raises anything
        context = None
    if context is None:
        return Candidate(f"the context {name}, which there is not", chosen=True) if name else None
    if context.Name == "default" or not context.Host:
        return None
    material = Path(get_tls_dir(context.Name, "docker"))
    if not material.is_dir():
        return Candidate(context.Host, chosen=True)
    skipped = bool(context.endpoints.get("docker", {}).get("SkipTLSVerify"))
    return Candidate(context.Host, True, "" if skipped else "1", str(material))


def find_engine() -> tuple[Candidate | None, dict[str, str]]:
    """Return the first engine that answers, or None, and why each candidate before it does not."""
    asked: dict[str, str] = {}
    for candidate in candidates():
        if not (why := candidate.trouble()):
            return candidate, asked
        asked[candidate.address] = why
    return None, asked


def answering() -> str | None:
    """Return the address of the first engine that answers a ping, or None."""
    found, _ = find_engine()
    return found.address if found else None


def no_engine_error(
    asked: dict[str, str], sentence: str = "No container engine answers.", repair: str = REPAIR
) -> NoEngineError:
    """Return the error that lists the addresses tried, each with its reason.

    repair: shown unless permission is missing.
    """
    repair = next((NOT_YOURS for why in asked.values() if why.endswith(NOT_YOURS)), repair)
    return NoEngineError(
        sentence, [("Asked", "\n".join(f"{address}: {why}" for address, why in asked.items()))], repair
    )


def connect(timeout: int = 120) -> DockerClient:
    """Return a client of the first engine that answers, and make testcontainers use the same one.

    timeout: seconds that a single API call may take.
    Raises NoEngineError, with a repair, if none answers.
    """
    found, asked = find_engine()
    if found is None:
        raise no_engine_error(asked)
    for name in (_VERIFY, _CERTIFICATES):
        os.environ.pop(name, None)
    os.environ.update(found.settings())
    os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
    _reached.add(found.address)
    client = found.client(timeout)
    runners.confirm(client)
    return client


def reached() -> bool:
    """Tell whether this process ever had a client; if not, it has nothing to clean up on an engine."""
    return bool(_reached)

"""The app definition as Marathon's REST interface accepts it, in both input dialects.

Shapes follow the RAML types of Marathon 1.5 to 1.10 (docs/docs/rest-api/public/api/v2/types); the deprecated 1.4
keys are accepted as well and converted by `normalize`. Unknown keys are ignored, as Marathon does.
Sizes are MB, times are seconds.
"""

# ruff: noqa: RUF012 - pydantic, the base class in another module, copies defaults

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError

from harness.marathon.standin.base_model import Labels, Model, Name, NotNegative, Port
from harness.marathon.standin.checks import HealthCheck, ReadinessCheck

Share = Annotated[float, Field(ge=0, le=1)]
SEGMENT = r"(([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])\.)*([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])|\.|\.\."
AppId = Annotated[str, Field(pattern=rf"^/?({SEGMENT})(/({SEGMENT}))*$")]
GroupOrAppId = Annotated[str, Field(pattern=rf"^/?({SEGMENT})(/({SEGMENT}))*$|^/$")]
NETWORK_NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
LEAST_CPUS = 0.001


def sent_by_a_client(info: ValidationInfo) -> bool:
    """Tell whether a document comes from a client, and not from the stand-in's own store, already validated."""
    return info.context is not None and not info.context["ours"]


class PortMapping(Model):
    """One port of a container on a bridge or user network; host_port 0 means "any free one"."""

    container_port: Port = 0
    host_port: Port | None = None
    service_port: Port = 0
    protocol: Literal["tcp", "udp", "udp,tcp"] = "tcp"
    name: Name | None = None
    labels: Labels = {}
    network_names: list[str] = []


class PortDefinition(Model):
    """One port of an app in host mode."""

    port: Port = 0
    protocol: Literal["tcp", "udp", "udp,tcp"] = "tcp"
    name: Name | None = None
    labels: Labels = {}


class Parameter(Model):
    """A flag passed to `docker run` unchanged."""

    key: Annotated[str, Field(min_length=1)]
    value: str


class PullConfig(Model):
    """Where the credentials for a registry are."""

    secret: str


class Docker(Model):
    """The image and how to run it; `network` and `port_mappings` are the 1.4 dialect."""

    image: Annotated[str, Field(min_length=1)]
    force_pull_image: bool = False
    privileged: bool = False
    parameters: list[Parameter] = []
    network: Literal["BRIDGE", "HOST", "USER", "NONE"] | None = None
    port_mappings: list[PortMapping] | None = None
    pull_config: PullConfig | None = None
    credential: dict[str, Any] | None = None


class Volume(Model):
    """A mount: from the host, persistent, external or a secret, distinguished by the key present."""

    container_path: Annotated[str, Field(min_length=1)]
    host_path: Annotated[str, Field(min_length=1)] | None = None
    mode: Literal["RO", "RW"] | None = None
    persistent: dict[str, Any] | None = None
    external: dict[str, Any] | None = None
    secret: str | None = None


class Container(Model):
    """Container type, image, mounts and ports."""

    type: Literal["DOCKER", "MESOS"] = "DOCKER"
    docker: Docker | None = None
    appc: dict[str, Any] | None = None
    volumes: list[Volume] = []
    port_mappings: list[PortMapping] | None = None


class Network(Model):
    """One network the app joins."""

    mode: Literal["container", "container/bridge", "host"] = "container"
    name: str | None = None
    labels: Labels = {}

    @field_validator("name")
    @classmethod
    def _named(cls, name: str | None, info: ValidationInfo) -> str | None:
        """Validate a client's network name for its mode; one from ipAddress.networkName may be any other."""
        if name is not None and sent_by_a_client(info) and not re.fullmatch(NETWORK_NAME, name):
            raise PydanticKnownError("string_pattern_mismatch", {"pattern": NETWORK_NAME})
        return name


class IpAddress(Model):
    """The old form of joining a container network."""

    network_name: Annotated[str, Field(min_length=1)] | None = None
    discovery: dict[str, Any] | None = None
    groups: list[str] = []
    labels: Labels = {}


class UpgradeStrategy(Model):
    """Shares of `instances` that must stay up, and that may run in addition, while tasks are replaced."""

    minimum_health_capacity: Share
    maximum_over_capacity: Share


class UnreachableStrategy(Model):
    """How long lost tasks are waited for. One machine cannot lose its only agent, except by a test's request."""

    inactive_after_seconds: NotNegative = 0
    expunge_after_seconds: NotNegative = 0


class Fetch(Model):
    """An artifact that an agent downloads before a task starts; stored and echoed."""

    uri: Annotated[str, Field(min_length=1, max_length=1024)]
    extract: bool = True
    executable: bool = False
    cache: bool = False
    dest_path: str | None = None


class VersionInfo(Model):
    """The versions that last changed the scale and the configuration."""

    last_scaling_at: str
    last_config_change_at: str


class App(Model):
    """A whole app definition. After `normalize` the deprecated fields are empty and `version` is set."""

    id: AppId
    cmd: Annotated[str, Field(min_length=1)] | None = None
    args: list[str] = []
    instances: NotNegative = 1
    cpus: float = 1
    mem: Annotated[float, Field(ge=0)] = 128
    disk: Annotated[float, Field(ge=0)] = 0
    gpus: NotNegative = 0
    executor: str = ""
    user: str | None = None
    container: Container | None = None
    networks: list[Network] | None = None
    port_definitions: list[PortDefinition] | None = None
    ports: list[Port] | None = None
    require_ports: bool = False
    env: dict[str, str | dict[str, str]] = {}
    secrets: dict[str, dict[str, str]] = {}
    labels: Labels = {}
    health_checks: list[HealthCheck] = []
    readiness_checks: list[ReadinessCheck] = []
    upgrade_strategy: UpgradeStrategy | None = None
    backoff_seconds: NotNegative = 1
    backoff_factor: Annotated[float, Field(ge=1)] = 1.15
    max_launch_delay_seconds: NotNegative = 3600
    task_kill_grace_period_seconds: NotNegative | None = None
    unreachable_strategy: UnreachableStrategy | Literal["disabled"] = UnreachableStrategy()
    kill_selection: Literal["YOUNGEST_FIRST", "OLDEST_FIRST"] = "YOUNGEST_FIRST"
    constraints: list[list[str]] = []
    fetch: list[Fetch] = []
    uris: list[str] | None = None
    dependencies: list[GroupOrAppId] = []
    accepted_resource_roles: list[str] | None = None
    residency: dict[str, Any] | None = None
    ip_address: IpAddress | None = None
    tty: bool | None = None
    role: str | None = None
    version: str = ""
    version_info: VersionInfo | None = None

    @field_validator("cpus")
    @classmethod
    def _enough(cls, cpus: float, info: ValidationInfo) -> float:
        """Require 0.001, in 1.4 nothing; nor from a stored state, which was validated when it was sent."""
        least = LEAST_CPUS if info.context and info.context["dialect"] != "1.4" else 0
        if cpus < least:
            raise PydanticKnownError("greater_than_equal", {"ge": least})
        return cpus

    @property
    def strategy(self) -> UpgradeStrategy:
        """Return the upgrade strategy, Marathon's 1.0/1.0 if none was given."""
        return self.upgrade_strategy or UpgradeStrategy(minimum_health_capacity=1, maximum_over_capacity=1)

    @property
    def resident(self) -> bool:
        """Tell whether tasks keep their place: residency is given, or implied by a persistent volume."""
        return self.residency is not None or self.persistent

    @property
    def persistent(self) -> bool:
        """Tell whether there is a volume that outlives its task."""
        return any(volume.persistent is not None for volume in (self.container.volumes if self.container else []))

    @property
    def mode(self) -> str:
        """Return the network mode: "host", "container/bridge" or "container"."""
        return self.networks[0].mode if self.networks else "host"

    def port_names(self) -> list[str | None]:
        """Return the name of every port, in portIndex order."""
        if self.mode == "host":
            return [definition.name for definition in self.port_definitions or []]
        return [mapping.name for mapping in (self.container and self.container.port_mappings) or []]

    def configuration(self) -> dict[str, Any]:
        """Return the part whose change requires a restart: all but scale and versions.

        Health checks are a set to Marathon: their order has no meaning.
        """
        found = self.model_dump(exclude={"instances", "version", "version_info"})
        return found | {"health_checks": sorted(found["health_checks"], key=repr)}

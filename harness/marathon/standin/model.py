"""The app definition as Marathon's REST interface accepts it, in both input dialects.

Shapes follow the RAML types of Marathon 1.5 to 1.10 (docs/docs/rest-api/public/api/v2/types); the deprecated
1.4 keys are accepted as well and folded away by `normalize`. Unknown keys are ignored, as Marathon does.
Sizes are MB, times are seconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Port = Annotated[int, Field(ge=0, le=65535)]
NotNegative = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
SEGMENT = r"(([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])\.)*([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])|\.|\.\."
AppId = Annotated[str, Field(pattern=rf"^/?({SEGMENT})(/({SEGMENT}))*$")]
Labels = dict[str, str]

MARATHON_LEVEL = frozenset({"HTTP", "HTTPS", "TCP"})
"""Protocols that Marathon itself probes from outside; all others are run beside the task by its agent."""


class Model(BaseModel):
    """Base: camelCase in JSON, no coercion between JSON types, unknown keys ignored, values immutable."""

    model_config = ConfigDict(
        alias_generator=to_camel, strict=True, extra="ignore", populate_by_name=True, frozen=True
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, document: Any) -> Any:
        """Leave out what is null: Marathon takes it for absent, and its own answers of 1.4 are full of them."""
        if not isinstance(document, dict):
            return document
        fields = {field.alias or name: field for name, field in cls.model_fields.items()}
        return {k: v for k, v in document.items() if v is not None or (k in fields and fields[k].is_required())}

    def replace(self, **changes: Any) -> Self:
        """Return a copy with the named (snake_case) fields changed."""
        return self.model_copy(update=changes)


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
    """A flag handed to `docker run` as it is."""

    key: str
    value: str


class Docker(Model):
    """The image and how to run it; `network` and `port_mappings` are the 1.4 dialect."""

    image: Annotated[str, Field(min_length=1)]
    force_pull_image: bool = False
    privileged: bool = False
    parameters: list[Parameter] = []
    network: Literal["BRIDGE", "HOST", "USER", "NONE"] | None = None
    port_mappings: list[PortMapping] | None = None
    pull_config: dict[str, Any] | None = None


class Volume(Model):
    """A mount: from the host, persistent, external or a secret, told apart by which key is there."""

    container_path: Annotated[str, Field(min_length=1)]
    host_path: str | None = None
    mode: Literal["RO", "RW"] | None = None
    persistent: dict[str, Any] | None = None
    external: dict[str, Any] | None = None
    secret: str | None = None


class Container(Model):
    """Container type, image, mounts and ports."""

    type: Literal["DOCKER", "MESOS"] = "DOCKER"
    docker: Docker | None = None
    volumes: list[Volume] = []
    port_mappings: list[PortMapping] | None = None


class Network(Model):
    """One network the app joins."""

    mode: Literal["container", "container/bridge", "host"] = "container"
    name: str | None = None
    labels: Labels = {}


class Command(Model):
    """The shell command of a COMMAND check."""

    value: Annotated[str, Field(min_length=1)]


class HealthCheck(Model):
    """One health check; defaults are Marathon's own (300 s grace, every 60 s, 20 s time-out, 3 failures)."""

    protocol: Literal["HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_HTTP", "MESOS_HTTPS", "MESOS_TCP"] = "HTTP"
    path: str | None = None
    port_index: Port | None = None
    port: Port | None = None
    command: Command | None = None
    grace_period_seconds: NotNegative = 300
    interval_seconds: NotNegative = 60
    timeout_seconds: int = 20
    max_consecutive_failures: NotNegative = 3
    delay_seconds: NotNegative = 15
    ip_protocol: Literal["IPv4", "IPv6"] = "IPv4"

    @property
    def by_marathon(self) -> bool:
        """Tell whether Marathon probes this itself (kill on failure N+1) or the agent does (kill on N)."""
        return self.protocol in MARATHON_LEVEL


class ReadinessCheck(Model):
    """A question asked of new tasks during a deployment only."""

    name: str = "readinessCheck"
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    path: str = "/"
    port_name: str = "http-api"
    interval_seconds: Annotated[int, Field(ge=0)] = 30
    timeout_seconds: Annotated[int, Field(ge=0)] = 10
    http_status_codes_for_ready: list[Annotated[int, Field(ge=100, le=999)]] = [200]
    preserve_last_response: bool = False


class UpgradeStrategy(Model):
    """Shares of `instances` that must stay up, and that may run beyond, while tasks are replaced."""

    minimum_health_capacity: Share
    maximum_over_capacity: Share


class UnreachableStrategy(Model):
    """How long lost tasks are waited for; only stored: one machine cannot lose its only agent."""

    inactive_after_seconds: NotNegative = 0
    expunge_after_seconds: NotNegative = 0


class Fetch(Model):
    """Something an agent downloads before a task starts; stored and echoed."""

    uri: Annotated[str, Field(min_length=1, max_length=1024)]
    extract: bool = True
    executable: bool = False
    cache: bool = False
    dest_path: str | None = None


class VersionInfo(Model):
    """Which version last changed the scale and which the configuration."""

    last_scaling_at: str
    last_config_change_at: str


class App(Model):
    """A whole app definition. After `normalize` the deprecated fields are empty and `version` is set."""

    id: AppId
    cmd: Annotated[str, Field(min_length=1)] | None = None
    args: list[str] = []
    instances: NotNegative = 1
    cpus: Annotated[float, Field(ge=0.001)] = 1
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
    dependencies: list[str] = []
    accepted_resource_roles: list[str] = []
    residency: dict[str, Any] | None = None
    ip_address: dict[str, Any] | None = None
    tty: bool | None = None
    role: str | None = None
    version: str = ""
    version_info: VersionInfo | None = None

    @property
    def strategy(self) -> UpgradeStrategy:
        """Return the upgrade strategy, Marathon's 1.0/1.0 where none was given."""
        return self.upgrade_strategy or UpgradeStrategy(minimum_health_capacity=1, maximum_over_capacity=1)

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
        """Return what makes a restart necessary when it changes: all but scale and versions.

        Health checks are a set to Marathon: their order says nothing.
        """
        found = self.model_dump(exclude={"instances", "version", "version_info"})
        return found | {"health_checks": sorted(found["health_checks"], key=repr)}

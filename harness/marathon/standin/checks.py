"""Health and readiness checks as a definition names them; times are seconds."""

# ruff: noqa: RUF012 - pydantic, the base class in another module, copies defaults

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.marathon.standin.base_model import Integer, Model, NotNegative, Port

MARATHON_LEVEL = frozenset({"HTTP", "HTTPS", "TCP"})
"""Protocols that Marathon itself probes from outside; all others are run beside the task by its agent."""


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
    timeout_seconds: Integer = 20
    max_consecutive_failures: NotNegative = 3
    delay_seconds: NotNegative = 15
    ip_protocol: Literal["IPv4", "IPv6"] = "IPv4"

    @property
    def by_marathon(self) -> bool:
        """Tell whether Marathon itself probes this (kill on failure N+1) or the agent does (kill on N)."""
        return self.protocol in MARATHON_LEVEL


class ReadinessCheck(Model):
    """A check of new tasks, during a deployment only."""

    name: str = "readinessCheck"
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    path: str = "/"
    port_name: str = "http-api"
    interval_seconds: NotNegative = 30
    timeout_seconds: NotNegative = 10
    http_status_codes_for_ready: list[Annotated[int, Field(ge=100, le=999)]] = [200]
    preserve_last_response: bool = False

"""Settings that put state on an instance's own disk: defects that the kill tests must find."""

from __future__ import annotations

from dataclasses import dataclass

SESSIONS = "Set($WebSessionClass, 'Apache::Session::File');\n1;\n"
ATTACHMENTS = "Set(%ExternalStorage, Type => 'Disk', Path => '/var/lib/rt-mail');\n1;\n"
"""A directory that exists and that RT may write to, on the instance's own disk."""


@dataclass(frozen=True)
class Local:
    """A setting that puts state on an instance's disk, a job that moves it there, and the expected finding."""

    setting: str
    job: str
    told: str


LOCAL = {
    "sessions": Local(SESSIONS, "true", "sessions ended"),
    "attachments": Local(ATTACHMENTS, "rt-externalize-attachments", "has 0 bytes instead of"),
}

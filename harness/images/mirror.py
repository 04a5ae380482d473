"""Find the source of Debian packages: an option, else the one of this machine's apt, else apt's default.

No host name of a mirror is written in the project.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.common import cache
from harness.errors import UsageError
from harness.releases import suites

VARIABLE = "RT_HARNESS_MIRROR"
SECURITY_VARIABLE = "RT_HARNESS_SECURITY_MIRROR"
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where dockerd, iptables, chroot and what dpkg calls are: Debian's plain `su` leaves them out of root's PATH."""


@dataclass(frozen=True)
class Mirror:
    """URIs of a Debian archive and, if known, of its security archive; "" where unknown."""

    archive: str = ""
    security: str = ""
    proxy: str = ""

    def __post_init__(self) -> None:
        """Raise UsageError for an address with a password: it would be stored in every image."""
        for address in (self.archive, self.security):
            if "@" in urlsplit(address).netloc:
                raise UsageError(
                    "The address of the Debian mirror holds a password, which would stay in the images.",
                    repair=f"name a mirror without one in {VARIABLE} (and {SECURITY_VARIABLE})",
                )

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that tells apt the proxy; others can read command lines and files in images."""
        return {"http_proxy": self.proxy} if self.proxy else {}

    def sources(self, suite: str, security: bool) -> str:
        """Return the lines of a sources.list for a suite; "" if the archive is unknown."""
        if not self.archive:
            return ""
        lines = [f"deb {self.archive} {suite} main"]
        if security and self.security:
            lines.append(f"deb {self.security} {suite}-security main")
        return "\n".join(lines) + "\n"


def _entries(etc: Path) -> list[tuple[str, str]]:
    """Return (URI, suite) of every binary source in apt's configuration, one-line and deb822 style."""
    entries: list[tuple[str, str]] = []
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix == ".sources":
            for paragraph in re.split(r"\n\s*\n", text):
                fields = dict(re.findall(r"^(\w[\w-]*):[ \t]*(.*)$", paragraph, re.MULTILINE))
                if "deb" in fields.get("Types", "").split() and fields.get("Enabled", "yes") != "no":
                    uris, names = fields.get("URIs", "").split(), fields.get("Suites", "").split()
                    entries += [(uri, name) for uri in uris for name in names]
        else:
            entries += re.findall(r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", text, re.MULTILINE)
    return entries


def of_machine(etc: Path = Path("/etc/apt")) -> Mirror:
    """Return the mirror that this machine's apt uses for Debian; empty on another distribution.

    An entry counts if its suite is one of Debian's: a code name in image/releases.toml, or an alias. Third-party
    repositories have suites of their own and are skipped.
    """
    if os.environ.get(VARIABLE):
        return Mirror(os.environ[VARIABLE], os.environ.get(SECURITY_VARIABLE, ""), _proxy())
    names = {*suites(), "stable", "oldstable", "testing", "unstable"}
    archive = security = ""
    for uri, suite in _entries(etc):
        base, _, rest = suite.partition("-")
        if base not in names or uri.startswith(("cdrom:", "file:")):
            continue
        if rest == "security" or suite.endswith("/updates"):
            security = security or uri
        elif "debian" in uri and not rest:
            archive = archive or uri
    return Mirror(archive, security, _proxy())


def _proxy() -> str:
    """Return the proxy that apt uses, or ""."""
    if shutil.which("apt-config") is None:
        return ""
    command = ["apt-config", "shell", "proxy", "Acquire::http::Proxy"]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return text.strip().removeprefix("proxy='").removesuffix("'") if text.strip() else ""


def search_path() -> str:
    """Return a PATH for the system's own programs: this process's, and the folders that it may lack behind it."""
    known = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*known, *(folder for folder in SYSTEM_FOLDERS if folder not in known)])


def find_program(name: str) -> str | None:
    """Return the path of one of the system's own programs, None if it is not installed."""
    return shutil.which(name, path=search_path())


def install(*packages: str) -> subprocess.CompletedProcess[str]:
    """Install Debian packages on this machine as root, one call at a time, waiting for holders of dpkg's lock.

    Returns apt-get's exit code and output; the caller checks for the program it needs.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": search_path()}
    with cache.lock("apt"):
        subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True, env=environment)
        return subprocess.run(
            ["apt-get", "install", "-yqq", "-o", "DPkg::Lock::Timeout=300", "--no-install-recommends", *packages],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
        )

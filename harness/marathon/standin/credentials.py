"""Credentials of a stand-in: random unless given, passed on in the environment and in a private file.

An app may mount any folder of the machine and run as root there, so nobody but the user who started a stand-in may
use it: not another user of the machine, and not a web page in the user's own browser.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit

CREDENTIALS = "MARATHON_STANDIN_CREDENTIALS"
"""Environment variable with user:password. Unlike a process's arguments, only the same user can read it."""


def random_credentials() -> str:
    """Return user:password with a new password."""
    return f"marathon:{secrets.token_urlsafe(18)}"


def with_credentials(address: str, credentials: str) -> str:
    """Return an address that carries user:password, percent-encoded."""
    user, _, password = credentials.partition(":")
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"


def write_private(path: Path, text: str) -> None:
    """Write a new file that only this user can read; readers see all of it or none."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    unfinished.replace(path)


def is_own_host(header: str, listen: str) -> bool:
    """Tell whether a Host header names this machine by an address, as localhost, or as what it listens on.

    Any other name may be that of a page from elsewhere whose owner made it lead to this machine (DNS rebinding); a
    browser then takes the stand-in for a part of that page.
    """
    try:
        host = urlsplit(f"//{header}").hostname or ""
        ipaddress.ip_address(host)
    except ValueError:
        return "[" not in header and header.partition(":")[0].lower() in ("localhost", listen.lower())
    return True

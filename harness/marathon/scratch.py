"""Prepare a scratch deploy: choose its Marathon, and derive a definition that cannot affect production.

`place` is the only function that decides between a real Marathon and the stand-in. On a real one the definition of
the repository would be dangerous unchanged: its labels and service port put it behind the public balancer, and its
secrets, which lie on the agents, lead to the production database. So the image and a folder of other secrets have
to be named, and the rest is removed.
"""

from __future__ import annotations

import copy
import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.common import owner
from harness.errors import UsageError
from harness.marathon.client import Marathon
from harness.marathon.definition import App, items, mapping, text
from harness.marathon.mounts import TO_DATABASE, clean, mounts_of, put_mount, source_of
from harness.rt import SECRETS
from harness.upgrade.guard import KNOWN

STAND_IN = "stand-in"
URL, TOKEN, IMAGE, FOLDER = "MARATHON_URL", "MARATHON_TOKEN", "RT_IMAGE", "RT_SCRATCH_SECRETS"
PINNED = "RT_SCRATCH"
_MAIL = "RT_MAIL_COMMAND"
"""The image's switch after which files of the site cannot choose database or mail (image/rt/99-site.pm)."""
NOT_THE_COPY = (
    "The upgraded copy was not what was deployed: agents of a real Marathon reach neither it nor this machine's "
    "secrets. Image, definition and health were tried there on the database that the secrets in {folder} name. "
    "For the copy itself: --marathon-url stand-in"
)


def group() -> str:
    """Return the group that contains everything of this session, and outside which nothing is touched."""
    return f"/rt-harness-{owner.session()}"


@dataclass(frozen=True)
class Place:
    """The target of a scratch deploy. url: "" for the stand-in. secrets: a folder on a real Marathon's agents."""

    url: str = ""
    image: str = ""
    secrets: str = ""
    token: str = ""

    @property
    def real(self) -> bool:
        """Whether it is a real Marathon."""
        return bool(self.url)

    def client(self) -> Marathon:
        """Return a client of the real one."""
        return Marathon(self.url, token=self.token)

    def reservation(self) -> str:
        """Return a sentence on what a good deploy there does not prove; "" for nothing."""
        return NOT_THE_COPY.format(folder=self.secrets) if self.real else ""


def place(named: str | None, app: App, environment: Mapping[str, str] = os.environ) -> Place:
    """Decide where a scratch deploy of `app` goes. named: the option's value, which overrides MARATHON_URL.

    Raises UsageError if a real Marathon is meant and the image or the secrets' folder are missing or unsafe.
    """
    url = named or environment.get(URL) or STAND_IN
    image, folder = environment.get(IMAGE, ""), clean(environment.get(FOLDER, ""))
    if url == STAND_IN:
        return Place(image=image)
    missing = [name for name, value in ((IMAGE, image), (FOLDER, folder)) if not value]
    if missing:
        raise UsageError(
            f"A scratch deploy on a real Marathon needs {' and '.join(missing)}.",
            repair=f"{IMAGE}: an image that its agents can pull; {FOLDER}: a folder on the agents with rt-db and "
            f"healthcheck.passwd of a database that is not in production. Or --marathon-url {STAND_IN}",
        )
    if not folder.startswith("/") or folder in _taken(app):
        raise UsageError(
            f"{FOLDER} must be an absolute path on the agents, and not the one that marathon.json names: "
            "instances of a scratch deploy would work on the production database.",
            repair="put rt-db and healthcheck.passwd of another database into a folder of their own",
        )
    return Place(url, image, folder, environment.get(TOKEN, ""))


def definition(app: App, *, image: str, secrets: str, name: str = "rt") -> dict[str, Any]:
    """Return a definition that is deployed like `app` and never reaches the outside.

    It lies below this session's group; has nothing by which a balancer finds it (labels but our own, service and
    host ports); and has other secrets, and mail that stays inside, whatever the site's own files set: the image
    enforces both if RT_SCRATCH is set.
    """
    made: dict[str, Any] = copy.deepcopy(dict(app))
    made["id"] = f"{group()}/{name}"
    made["labels"] = {key: one for key, one in mapping(app.get("labels")).items() if key.startswith("RT_")}
    made["container"]["docker"]["image"] = image
    for ports in (made["container"].get("portMappings"), made["container"]["docker"].get("portMappings")):
        for port in items(ports):
            port.pop("servicePort", None)
            port.pop("labels", None)
            port["hostPort"] = 0
    put_mount(made, SECRETS, secrets)
    made["env"] = {key: one for key, one in mapping(app.get("env")).items() if key != _MAIL}
    made["env"][PINNED] = "1"
    docker = made["container"]["docker"]
    if given := items(docker.get("parameters")):
        docker["parameters"] = [one for one in given if _name_in_environment(mapping(one)) not in (PINNED, _MAIL)]
    return made


def _name_in_environment(parameter: Mapping[str, Any]) -> str:
    """Return the name that a parameter of docker sets in the environment, beside `env`; "" for another one."""
    key, value = text(parameter.get("key")).strip("-"), text(parameter.get("value"))
    return value.partition("=")[0] if key in ("env", "e") else ""


def add_own_columns(app: dict[str, Any], columns: Sequence[str]) -> list[str]:
    """Add these columns (`Table.Column`) to a definition's environment; return a remark if it lacked one.

    Without the remark a trial deploy would hide that production's definition does not serve the database.
    """
    said = text(mapping(app.get("env")).get(KNOWN)).replace(",", " ").split()
    lacking = [one for one in columns if one.lower() not in {known.lower() for known in said}]
    if not lacking:
        return []
    app["env"] = mapping(app.get("env")) | {KNOWN: " ".join([*said, *lacking])}
    return [
        "the definition as it is: the database has columns of the site's own, which the image refuses unless env "
        f'has "{KNOWN}": "{app["env"][KNOWN]}"; it was tried with that'
    ]


def _taken(app: App) -> set[str]:
    """Return the paths that a definition mounts, and the folders of its secrets, however they are mounted."""
    files = (source_of(app, f"{SECRETS}/{name}") for name in (TO_DATABASE, "healthcheck.passwd"))
    return {*mounts_of(app).values(), source_of(app, SECRETS), *map(posixpath.dirname, files)} - {""}


def without_password(word: str) -> str:
    """Return a word of a command line as it may be shown: an address without user and password."""
    return re.sub(r"(?<=://)[^/?#]*@", "", word)

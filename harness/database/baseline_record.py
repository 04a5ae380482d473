"""Record what is known of a baseline in a file beside its volume, so that other processes find it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from harness.common import arguments, cache, owner, private
from harness.database.address import Credentials
from harness.dump import FOLDER, Dump
from harness.releases import Server

KEEP_VARIABLE = "RT_HARNESS_KEEP"
"""Variable that keeps prepared databases of the user's own dumps for later runs (until make distclean)."""
FORMAT = "8"
"""Version of the way baselines are made: increased when it changes, so that old baselines are not used."""
PRIVATE = "private-"


@dataclass
class Baseline:
    """A prepared data directory in a volume, with facts about its content.

    rows: table to exact row count after the restore. seconds: duration of the restore. size: kB of the data, and
    of its largest table. notes, unproven, uncollated, called: see `restore.Restored`.
    """

    key: str
    server: Server
    image: str
    volume: str
    credentials: Credentials
    rows: dict[str, int]
    seconds: float = 0.0
    size: tuple[int, int] = (0, 0)
    notes: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    uncollated: dict[str, dict[str, str]] = field(default_factory=dict)
    called: str = ""


def is_private(dump: Dump) -> bool:
    """Tell whether baselines of this dump end with the session: it is the user's own, RT_HARNESS_KEEP is off."""
    return dump.path.parent != FOLDER and not arguments.is_on(KEEP_VARIABLE)


def key_of(dump: Dump, image: str) -> str:
    """Return the key of the baseline of a dump on a server image; a private one is the session's own."""
    key = cache.digest("dump", FORMAT, dump.sha256, image)
    return PRIVATE + cache.digest(key, owner.session()) if is_private(dump) else key


def read(key: str, server: Server) -> Baseline | None:
    """Return the recorded baseline, or None if there is no readable record. Its volume may be gone."""
    try:
        facts = json.loads(_path_of(key).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    facts |= {"credentials": Credentials(**facts["credentials"]), "size": tuple(facts["size"])}
    return Baseline(**{**facts, "server": server})


def write(baseline: Baseline) -> None:
    """Record a baseline at once or not at all."""
    path = _path_of(baseline.key)
    facts = {**asdict(baseline), "server": baseline.server.name}
    path.with_suffix(".new").write_text(json.dumps(facts), encoding="utf-8")
    path.with_suffix(".new").replace(path)


def labels_of(key: str) -> dict[str, str]:
    """Return the labels by which the volumes of a key are found, those without a record included."""
    return {owner.HOST: owner.host_name(), owner.BASELINE: key, owner.PLACE: str(_path_of(key).parent)}


def _path_of(key: str) -> Path:
    """Return the file of a record; that of a private one is removed with the session."""
    if key.startswith(PRIVATE):
        return private.directory() / f"baseline-{key}.json"
    return cache.directory("baselines") / f"{key}.json"

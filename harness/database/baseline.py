"""Manage baselines: a dump restored once per dump and server, kept as a data directory that clones copy.

MySQL has no template databases; the data directory of a cleanly stopped server, in a volume, serves instead.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from docker import DockerClient
from docker.errors import APIError, NotFound

from harness.common import cache, owner
from harness.common.notify import Notify, quiet
from harness.database import Database, baseline_record, copying
from harness.database.address import Credentials
from harness.database.baseline_record import FORMAT, PRIVATE, Baseline
from harness.database.copying import DATA, PREPARED, Room
from harness.database.profiles import FAST, Profile
from harness.database.restore import Restored, restore
from harness.dump import Dump
from harness.engine.containers import Container, unique_name
from harness.engine.creation import creating
from harness.engine.listed import volumes_of
from harness.releases import Server


class Baselines:
    """Makes baselines and clones on one engine; one process makes a baseline, all share it."""

    def __init__(self, client: DockerClient, notify: Notify = quiet) -> None:
        """Use this engine. `notify` is called with one line whenever something slow begins."""
        self.client, self.notify = client, notify

    def of_dump(self, dump: Dump, server: Server, image: str) -> Baseline:
        """Return the baseline of a dump on a server, restoring it first if there is none.

        A dump of the user's own is raw data: its baseline belongs to the session and is removed with it, unless
        RT_HARNESS_KEEP is on. As it is restored anew in every session, it starts from a kept copy of an empty
        server: initialising a server takes longer than restoring many a dump.
        Raises UsageError if the server refuses the dump, DumpError if the restored rows differ from the manifest,
        InfrastructureError if the server or its disk failed.
        """
        key = baseline_record.key_of(dump, image)
        return self._made(
            key,
            server,
            image,
            f"restoring {dump.path.name} on {server.name}",
            lambda database: restore(database, dump),
            origin=self.empty(server, image) if key.startswith(PRIVATE) else None,
        )

    def empty(self, server: Server, image: str) -> Baseline:
        """Return a baseline with an empty database, for RT's `init`."""
        key = cache.digest("empty", FORMAT, image)
        return self._made(key, server, image, f"preparing an empty {server.name}", lambda _: None)

    def of_work(
        self, parts: Iterable[str], server: Server, image: str, what: str, work: Callable[[Database], None]
    ) -> Baseline:
        """Return a baseline whose content `work` creates in an empty database.

        `parts` are the inputs it depends on.
        """
        return self._made(cache.digest("work", FORMAT, image, *parts), server, image, what, work)

    def of_clone(
        self, origin: Baseline, parts: Iterable[str], what: str, work: Callable[[Database], None]
    ) -> Baseline:
        """Return a baseline made by `work` on a clone of another one; it is private if the other one is."""
        key = cache.digest("clone", FORMAT, origin.key, *parts)
        if origin.key.startswith(PRIVATE):
            key = PRIVATE + key
        return self._made(key, origin.server, origin.image, what, work, origin=origin)

    def clone(
        self,
        baseline: Baseline,
        profile: Profile = FAST,
        *,
        volume_options: Mapping[str, str] | None = None,
        kept: bool = False,
        **options: Any,
    ) -> Database:
        """Return a private copy of a baseline, running. The caller removes it with `discard`.

        volume_options: the engine's options of its volume driver `local`, for a disk of another kind. kept: see
        `owner.labels`.
        """
        name, labels = unique_name("clone"), owner.labels("clone", kept=kept)
        self._create_volume(name, labels, volume_options)
        try:
            return Database(
                self.client,
                baseline.server,
                baseline.image,
                baseline.credentials,
                profile,
                volumes={baseline.volume: (PREPARED, "ro"), name: (DATA, "rw")},
                copy_from=PREPARED,
                kept=kept,
                **options,
            )
        except BaseException:
            self._remove_volume(name)
            raise

    @contextlib.contextmanager
    def cloned(self, baseline: Baseline, profile: Profile = FAST, **options: Any) -> Iterator[Database]:
        """Return a private copy of a baseline for a `with` block, which discards it at its end."""
        database = self.clone(baseline, profile, **options)
        try:
            yield database
        finally:
            self.discard(database)

    def has(self, dump: Dump, server: Server, image: str) -> bool:
        """Tell whether a dump has been restored on a server already."""
        return self._find(baseline_record.key_of(dump, image), server) is not None

    def need_room(self, image: str, wanted: Room, what: str, origin: Baseline | None = None) -> None:
        """Raise InfrastructureError if the engine's disk has less free space than `wanted` for `what`.

        image: of the database server. origin: the baseline to be copied, if it exists already.
        """
        if wanted.plain < copying.SPARED:
            return
        name = unique_name("measure")
        self._create_volume(name, owner.labels("measure"))
        try:
            volumes = {name: (copying.DATA, "rw")} | ({origin.volume: (copying.PREPARED, "ro")} if origin else {})
            with Container(self.client, image, "measure", entrypoint=["sleep", "3600"], volumes=volumes) as box:
                copying.need_room(box, wanted, what)
        finally:
            self._remove_volume(name)

    def discard(self, database: Database) -> None:
        """Remove a clone and its data."""
        mounts: list[str] = []
        with contextlib.suppress(NotFound):
            mounts = [
                one["Name"] for one in database.container.docker.attrs["Mounts"] if one["Destination"] == DATA
            ]
        database.remove()
        for name in mounts:
            self._remove_volume(name)

    def _create_volume(self, name: str, labels: dict[str, str], options: Mapping[str, str] | None = None) -> None:
        given: dict[str, Any] = {"driver_opts": dict(options)} if options else {}
        with creating():
            self.client.volumes.create(name, labels=labels, **given)

    def _remove_volume(self, name: str) -> None:
        with contextlib.suppress(APIError):
            self.client.api.remove_volume(name, force=True)

    def _remove_older(self, place: dict[str, str]) -> None:
        """Remove volumes left by a killed process, or whose notes are gone. One in use is removed another time."""
        for volume in volumes_of(self.client, place):
            self._remove_volume(volume.name)

    def _find(self, key: str, server: Server) -> Baseline | None:
        if recorded := baseline_record.read(key, server):
            with contextlib.suppress(NotFound):
                self.client.volumes.get(recorded.volume)
                return recorded
        return None

    def _made(
        self,
        key: str,
        server: Server,
        image: str,
        what: str,
        work: Callable[[Database], Any],
        *,
        origin: Baseline | None = None,
    ) -> Baseline:
        if found := self._find(key, server):
            return found
        # Without a limit: a restore may take hours, and a process that is killed releases its lock.
        with cache.exclusive_lock(f"baseline-{key}", lambda who: self.notify(f"waiting for {who}: {what}")):
            if found := self._find(key, server):
                return found
            self.notify(what)
            labels = owner.labels("baseline", kept=True) if key.startswith(PRIVATE) else {owner.CACHE: "baseline"}
            return self._make(key, server, image, work, origin=origin, labels=labels)

    def _make(
        self,
        key: str,
        server: Server,
        image: str,
        work: Callable[[Database], Any],
        *,
        origin: Baseline | None,
        labels: dict[str, str],
    ) -> Baseline:
        # Another cache on the same engine has the same key with other passwords, so each volume name is unique.
        volume = f"rt-harness-baseline-{key}-{secrets.token_hex(3)}"
        place = baseline_record.labels_of(key)
        self._remove_older(place)
        self._create_volume(volume, {**place, **labels})
        started = time.monotonic()
        new = Credentials(secrets.token_hex(12), secrets.token_hex(12))
        credentials = origin.credentials if origin else new
        volumes = {volume: (DATA, "rw")} | ({origin.volume: (PREPARED, "ro")} if origin else {})
        try:
            with Database(
                self.client,
                server,
                image,
                credentials,
                FAST,
                volumes=volumes,
                first_start=origin is None,
                copy_from=PREPARED if origin else "",
            ) as database:
                result = work(database)
                rows = database.counts()
                size = copying.size_of(database.container)
                database.shut_down()
        except BaseException:
            self._remove_volume(volume)
            raise
        seconds = time.monotonic() - started
        baseline = Baseline(key, server, image, volume, credentials, rows, round(seconds, 2), size)
        if isinstance(result, Restored):
            baseline.notes, baseline.unproven = result.notes, result.unproven
            baseline.uncollated, baseline.called = result.uncollated, result.called
        baseline_record.write(baseline)
        return baseline

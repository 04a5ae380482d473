"""Build the images: a Debian base per suite, database servers, RT releases.

An image's tag is a hash of all its inputs, so it is built at most once and never stale. Only which source gave the
plain Debian is no part of it, unless the user chose one.

`bootstrap` obtains a base, by `mmdebstrap` if need be, `mirror` tells where packages come from, `named` resolves
images that the user names, `together` builds several side by side.
"""

from __future__ import annotations

import functools
import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker import DockerClient
from docker.errors import APIError, ImageNotFound
from filelock import FileLock, Timeout

from harness.common import cache
from harness.common.notify import Notify, quiet
from harness.common.waits import Retry, wait_until
from harness.errors import InfrastructureError, UsageError
from harness.images import bootstrap, mirror
from harness.images.named import OVERRIDE_VARIABLE, named_by_user
from harness.releases import ROOT, Release, Server, Suite

CONCURRENT_BUILDS = 2
MANAGED_LABEL = "rt-harness.image"


class ImageBuildError(InfrastructureError):
    """An image could not be built; carries the last lines of the build log and the path of the whole log."""


@dataclass
class Images:
    """Builds images on an engine. `notify` is called with one line whenever something slow begins."""

    client: DockerClient
    notify: Notify = quiet
    sources: mirror.Mirror | None = None

    @functools.cached_property
    def _mirror(self) -> mirror.Mirror:
        return self.sources or mirror.of_machine()

    def base(self, suite: Suite) -> str:
        """Return the tag of the Debian base of a suite, building it if it does not exist.

        Raises UsageError if RT_HARNESS_BASE has an unknown value, whether or not there is anything to build.
        """
        folder = ROOT / "image" / "base"
        files = _apt_files(suite, self._mirror)
        way = bootstrap.chosen_way()
        said = [] if way == bootstrap.AUTO else [f"{bootstrap.VARIABLE}={way}"]
        key = cache.digest(_key(folder), *(f"{name}\n{text}" for name, text in sorted(files.items())), *said)
        tag = f"rt-harness/base:{suite.name}-{key}"

        def make() -> None:
            origin = bootstrap.origin(self.client, suite, self._mirror, self.notify)
            self._build(tag, folder, {"ORIGIN": origin}, files)

        return self._once(tag, f"base {suite.name}", make)

    def server(self, server: Server) -> str:
        """Return the tag of a database server's image, building it if it does not exist."""
        if chosen := named_by_user(server.name):
            return self._present(chosen)
        arguments = {"PACKAGES": " ".join(server.packages), "SERVER": server.name}
        return self._layer("server", server.name, server.suite, ROOT / "image" / "database", arguments)

    def rt(self, release: Release) -> str:
        """Return the tag of an RT release's image, building it if it does not exist."""
        if chosen := named_by_user(f"rt-{release.version}"):
            return self._present(chosen)
        arguments = {"MAJOR": str(release.major), "RELEASE": release.version}
        return self._layer("rt", release.version, release.suite, ROOT / "image" / "rt", arguments)

    def _layer(self, kind: str, name: str, suite: Suite, folder: Path, arguments: dict[str, str]) -> str:
        base = self.base(suite)
        key = cache.digest(base, _key(folder), *(f"{k}={v}" for k, v in sorted(arguments.items())))
        tag = f"rt-harness/{kind}:{name}-{key}"
        return self._once(tag, f"{kind} {name}", lambda: self._build(tag, folder, {"BASE": base, **arguments}))

    def _present(self, tag: str) -> str:
        """Return the id of an image that the user named, pulling it if the engine does not have it."""
        try:
            self.client.images.get(tag)
        except ImageNotFound:
            self.notify(f"pulling {tag}")
            try:
                self.client.images.pull(tag)
            except APIError as error:
                raise UsageError(
                    f"The image {tag} is neither on this engine nor to be pulled.",
                    [("Engine", str(error.explanation))],
                    f"build or pull it first, or correct {OVERRIDE_VARIABLE}",
                ) from error
        # The id, not the tag: results cached for one image must not be used for another image with the same tag.
        return str(self.client.images.get(tag).id)

    def _once(self, tag: str, what: str, make: Callable[[], None]) -> str:
        """Run `make` unless the image exists; one process makes it, others report that they wait."""
        if self._exists(tag):
            return tag

        def waiting(who: str) -> None:
            self.notify(f"waiting for {who}: building {what}")

        with cache.exclusive_lock(f"image-{tag.rpartition(':')[2]}", waiting, cache.PATIENCE):
            if not self._exists(tag):
                self.notify(f"building {what}")
                make()
        return tag

    def _exists(self, tag: str) -> bool:
        try:
            self.client.images.get(tag)
        except ImageNotFound:
            return False
        return True

    def _build(
        self, tag: str, folder: Path, arguments: dict[str, str], extra: dict[str, str] | None = None
    ) -> None:
        log = cache.directory("logs") / f"build-{tag.replace('/', '_').replace(':', '_')}.log"
        with _build_slot(), log.open("w", encoding="utf-8") as out:
            stream = self.client.api.build(
                fileobj=_context(folder, extra or {}),
                custom_context=True,
                tag=tag,
                # The proxy is for the build alone, as its address may hold a password: a build argument is not
                # stored.
                buildargs=arguments | self._mirror.environment,
                labels={MANAGED_LABEL: "1"},
                rm=True,
                forcerm=True,
                decode=True,
            )
            error = ""
            for chunk in stream:  # read to the end also after an error: a response that is not read stays open
                error = error or chunk.get("error", "")
                out.write(chunk.get("stream", "") + chunk.get("error", ""))
            if error:
                out.flush()
                raise ImageBuildError(
                    f"The image {tag} could not be built.",
                    [("Last lines of the build", _tail(log)), ("Whole log", str(log))],
                    "read the last lines; when the mirror moved on, image/releases.toml needs a change",
                )


def _apt_files(suite: Suite, sources: mirror.Mirror) -> dict[str, str]:
    """Return the files below /etc/apt that a base gets, by path inside the build context."""
    conf = ['APT::Install-Recommends "false";', *suite.apt]
    files = {"etc/apt/apt.conf.d/90harness": "\n".join(conf) + "\n"}
    if lines := sources.sources(suite.name, suite.security):
        files["etc/apt/sources.list"] = lines
        # Newer images have a deb822 file; an empty one of that name replaces it.
        files["etc/apt/sources.list.d/debian.sources"] = ""
    return files


def _key(folder: Path) -> str:
    return cache.digest_of_files(folder, [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".md"])


def _context(folder: Path, extra: dict[str, str]) -> io.BytesIO:
    """Return a build context as a tar archive: the directory, and files with the given texts."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(folder, arcname=".")
        for name, text in extra.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(text.encode()))
    buffer.seek(0)
    return buffer


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:])


@contextmanager
def _build_slot() -> Iterator[None]:
    """Hold one of this user's build slots for a `with` block: more builds at once only slow each other down."""
    slots = [cache.lock(f"build-slot-{number}", timeout=0) for number in range(CONCURRENT_BUILDS)]

    def take() -> FileLock:
        for slot in slots:
            try:
                slot.acquire()
            except Timeout:
                continue
            return slot
        raise Retry("all build slots are taken")

    held = wait_until("A build slot", take, timeout=1800, interval=0.2)
    try:
        yield
    finally:
        held.release()

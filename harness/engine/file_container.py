"""Start containers through testcontainers, with all files copied at once and errors that name a repair."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable

from docker.errors import APIError
from testcontainers.core.container import DockerContainer
from testcontainers.core.transferable import Transferable

from harness.engine.creation import creating
from harness.errors import InfrastructureError


class FileContainer(DockerContainer):
    """A container that gets all its files in one archive, because each transfer costs the engine a process."""

    def __init__(self, image: str, files: Iterable[tuple[str, bytes]]) -> None:
        """Store the files: (path, content)."""
        super().__init__(image)
        self._archive = _archive(files)
        if self._archive:
            self.with_copy_into_container(b"", "/")

    def _transfer_into_container(self, transferable: Transferable, destination: str, mode: int) -> None:  # noqa: ARG002
        """Copy the archive in before the first process starts; the arguments only stand for a placeholder file."""
        if self._container is None or not self._container.put_archive("/", self._archive):
            raise OSError("the engine did not take the container's files")


def _archive(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a tar archive of the files, b"" if there are none."""
    found = list(files)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in found:
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue() if found else b""


def start(container: FileContainer) -> str:
    """Start the container and return its id; testcontainers' own connection to the engine is closed."""
    try:
        with creating():
            return container.start().get_container_id()
    except (APIError, OSError) as error:
        if container._container is not None:  # created but not started: it must not be left behind
            container._container.remove(force=True, v=True)
        raise InfrastructureError(
            f"A container of {container.image} did not start.",
            [("Engine", str(error))],
            "run `make engine` and look at the engine's own log",
        ) from error
    finally:
        container.get_docker_client().client.close()

"""What an image says before it is deployed: its upgrade steps, and whether a health check's command runs in it."""

from __future__ import annotations

from docker import DockerClient
from docker.errors import APIError, ContainerError, DockerException, ImageNotFound

from harness import engine, owner
from harness.errors import InfrastructureError
from harness.releases import VERSION, parse

UPGRADE = "/opt/rt/upgrade"


def upgrade_steps(image: str, client: DockerClient | None = None) -> list[str]:
    """Return the names of the upgrade steps that an image carries, oldest first; it may be pulled.

    The image's own word, where a label is only what somebody once wrote. Raises InfrastructureError when the
    engine does not answer, cannot get the image, or finds no steps in it.
    """
    client = client or engine.connect()
    try:
        said = client.containers.run(
            image, [UPGRADE], entrypoint="ls", remove=True, network_mode="none", labels=owner.labels("image-facts")
        )
    except ImageNotFound as error:
        raise InfrastructureError(
            f"The image {image} cannot be had, so its upgrade steps are not known.", [("Engine", str(error))],
            "name an image that this machine can pull",
        ) from error  # fmt: skip
    except (ContainerError, APIError, DockerException) as error:
        raise InfrastructureError(
            f"The upgrade steps of {image} could not be read.", [("Engine", str(error))],
            f"try: docker run --rm --entrypoint ls {image} {UPGRADE}",
        ) from error  # fmt: skip
    steps = sorted((name for name in said.decode().split() if VERSION.match(name)), key=parse)
    if not steps:
        raise InfrastructureError(f"The image {image} carries no upgrade steps in {UPGRADE}: it is no RT of ours.")
    return steps

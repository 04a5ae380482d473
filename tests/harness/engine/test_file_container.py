"""Containers get all their files before their first process starts, or do not start."""

from __future__ import annotations

import pytest

from harness.common import owner
from harness.engine.containers import Container
from harness.engine.listed import containers_of
from harness.errors import InfrastructureError
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
FILES = [("/opt/a/b/one.txt", b"one"), ("/opt/two.bin", bytes(range(256))), ("/opt/ä ü.txt", "ß".encode())]


def test_files_are_there_at_the_start(lifecycle: Lifecycle) -> None:
    """A site reads its secrets in its first second."""
    image = lifecycle.server_image("mariadb-10.11")
    show = 'sha256sum "$@"; exec sleep 60'
    box = Container(
        lifecycle.client,
        image,
        "box",
        entrypoint=["sh", "-c", show, "sh"],
        command=[path for path, _ in FILES],
        files=FILES,
    )
    try:
        assert box.need(["cat", "/opt/ä ü.txt"]) == "ß"
        assert box.need(["sh", "-c", "wc -c < /opt/two.bin"]).strip() == "256"
        assert len([line for line in box.logs().splitlines() if " /opt/" in line]) == len(FILES)
    finally:
        box.remove()


def test_files_that_cannot_be_put_leave_nothing(lifecycle: Lifecycle) -> None:
    """The container already exists when its files are refused, and must be removed."""
    image = lifecycle.server_image("mariadb-10.11")
    own = {owner.SESSION: owner.session(), owner.KIND: "unlucky"}
    with pytest.raises(InfrastructureError, match="did not start"):
        Container(lifecycle.client, image, "unlucky", files=[("/etc/passwd/under-a-file", b"")])
    assert containers_of(lifecycle.client, own, ended=True) == []

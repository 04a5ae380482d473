"""The end of a scratch deploy: an app that cannot be removed is told of, and is no error."""

from __future__ import annotations

import socket

import pytest

from harness.marathon.client import Marathon
from tests.deploy.on_trial import remove_or_remark


@pytest.mark.parametrize(
    ("real", "how"), [(True, 'curl -X DELETE "$MARATHON_URL/v2/apps/trial/rt?force=true"'), (False, "make clean")]
)
def test_a_failed_removal_is_a_remark(real: bool, how: str) -> None:
    """It says what is left, why, and how to remove it. An error would hide that of the deploy, or its verdict."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    said: list[str] = []
    with Marathon(f"http://127.0.0.1:{port}") as gone:
        remove_or_remark(gone, "/trial/rt", said.append, real=real)
    (text,) = said
    assert text.startswith("/trial/rt, deployed on trial, may still run, for its removal failed: ")
    assert f"127.0.0.1:{port}" in text
    assert text.endswith(f". To remove it: {how}")

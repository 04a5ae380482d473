"""What Python takes for JSON and Marathon does not: the stand-in must refuse it, as lint does, and not keep it."""

from __future__ import annotations

import json

import pytest
from httpx import ASGITransport, AsyncClient, Response

from harness.marathon.lint import lint
from harness.marathon.standin.api import build
from harness.marathon.standin.clock import ManualClock
from harness.marathon.standin.core import Settings, Standin
from tests.harness.marathon.scripted import ScriptedRunner, play

VALUES = {
    "NaN": '"cpus": NaN',
    "infinity": '"mem": 1e400',
    "in a free object": '"residency": {"a": [-Infinity]}',
    "surrogate": r'"labels": {"a": "\udc00"}',
    "surrogate in a key": r'"labels": {"\ud83d": "a"}',
    "unknown key": r'"\udc00": 1',
    "deep": '"residency": {"a": ' + "[" * 300 + "]" * 300 + "}",
}


def answers(body: str) -> tuple[Response, Response]:
    """Return the answers to a POST of an app, and to a GET of all afterwards."""
    found: list[Response] = []

    async def story(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
        del runner, clock
        transport = ASGITransport(build(site), raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://localhost") as client:
            kind = {"Content-Type": "application/json"}
            found.append(await client.post("/v2/apps", content=body, headers=kind))
            found.append(await client.get("/v2/apps"))

    play(story, Settings())
    return found[0], found[1]


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_what_no_answer_can_carry_is_refused(value: str) -> None:
    """Once kept it would make every list of the apps a 500."""
    body = f'{{"id": "/a", "cmd": "sleep 1", {value}}}'
    refusal, after = answers(body)
    assert (refusal.status_code, refusal.json()["message"]) == (400, "Invalid JSON"), refusal.text
    assert (after.status_code, after.json()) == (200, {"apps": []})
    found = lint(json.loads(body))
    assert {(one.rule.id, one.level) for one in found} == {("L06", "E")}
    assert "\n".join(map(str, found)).encode(), "it must be possible to print them"


def test_nesting_without_end_is_refused() -> None:
    """Python's reader gives up with an error of another kind."""
    assert answers("[" * 5000)[0].status_code == 400

"""A stand-in in memory with a few apps, and its answers to requests."""

from __future__ import annotations

from typing import Any

from httpx import ASGITransport, AsyncClient, Response

from harness.marathon.standin.api import build
from harness.marathon.standin.clock import ManualClock
from harness.marathon.standin.core import Settings, Standin
from tests.harness.marathon.scripted import ScriptedRunner, play

WEB, DATABASE, LARGE = "/shop/web", "/shop/db", "/large"
Json = dict[str, Any]


async def populate(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
    """Create two tasks of WEB a minute apart, one of DATABASE after a crash, and LARGE, which has no place."""
    site.commands.create({**sent(WEB), "labels": {"tier": "web"}}, force=False)
    await clock.advance(60)
    site.commands.update({WEB: {"instances": 2}}, force=False)
    site.commands.create({**sent(DATABASE), "cmd": "sleep 9"}, force=False)
    await clock.settle()
    runner.crash(site.state.tasks_of(DATABASE)[0].id)
    await clock.advance(60)
    site.commands.create({**sent(LARGE), "cpus": 99}, force=False)
    await clock.settle()


def sent(app_id: str) -> Json:
    """Return a definition as a client sends it."""
    container = {"docker": {"image": "good"}, "portMappings": [{"containerPort": 80}]}
    return {"id": app_id, "container": container, "networks": [{"mode": "container/bridge"}]}


def answers(
    *requests: tuple[str, str, object], headers: Json | None = None, dialect: str = "1.6"
) -> list[Response]:
    """Return the answers to requests (method, path with query, document), sent in order to one stand-in."""
    found: list[Response] = []

    async def story(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
        await populate(site, runner, clock)
        async with AsyncClient(transport=ASGITransport(build(site)), base_url="http://localhost") as client:
            for method, path, document in requests:
                found.append(await client.request(method, path, json=document, headers=headers))
                await clock.settle()

    play(story, Settings(dialect=dialect, cpus=50))
    return found

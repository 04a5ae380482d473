"""The commands that talk to a Marathon: status, deploy, deadline."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from harness.marathon.client import Marathon
from harness.marathon.deadline import deadline_of, soak_of
from harness.marathon.definition import PULL_ALLOWANCE, load
from harness.marathon.deploy import Deployer, absolute, running_definition
from harness.marathon.follow import Pace, task_table
from harness.marathon.lint import Parser, lint
from harness.marathon.rolling import decide
from harness.verdict import Report


def add_commands(chosen: argparse._SubParsersAction[Parser]) -> None:
    """Declare the commands and their options."""
    status = chosen.add_parser("status", help="show what Marathon says about an app")
    status.add_argument("id", help="id of the app, such as /rt")
    status.set_defaults(run=show_status)
    deploy = chosen.add_parser("deploy", help="deploy, prove live, or roll back and prove that")
    deploy.add_argument("file", type=Path, metavar="app.json")
    deploy.add_argument("--image", help="deploy this image instead of the one in the file")
    deploy.add_argument("--live-steps", type=_names, metavar="A,B,...", help="upgrade steps of the live image")
    deploy.add_argument("--wanted-steps", type=_names, metavar="A,B,...", help="upgrade steps of the wanted image")
    deploy.add_argument("--pull", type=float, default=PULL_ALLOWANCE, metavar="S", help="allowance for the pull")
    deploy.add_argument("--dry-run", action="store_true", help="only say how it would be deployed")
    deploy.set_defaults(run=run_deploy)
    deadline = chosen.add_parser("deadline", help="show how long a deployment may take")
    deadline.add_argument("file", type=Path, metavar="app.json")
    deadline.set_defaults(run=show_deadline)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def show_status(options: argparse.Namespace) -> int:
    """Print counts, tasks and what is going on."""
    with Marathon.from_environment() as client:
        app = client.app(options.id)
        print(f"{app.id}  {app.image}  version {app.version_text}")
        print(f"{app.instances} wanted, {app.running} running, {app.healthy} healthy, "
              f"{app.unhealthy} unhealthy, {app.staged} staged")  # fmt: skip
        print(task_table(app))
        if app.deployments:
            print(f"deployments: {', '.join(app.deployments)}")
        queue = client.queued(app.id)
        if queue:
            print(queue)
        if app.last_failure:
            print(f"last failure: {app.last_failure.timestamp} {app.last_failure.message}")
    return 0


def run_deploy(options: argparse.Namespace) -> int:
    """Lint, decide, deploy, prove. Returns 0 for a proven deploy, 1 for findings, 2 if unproven."""
    definition = load(options.file)
    if options.image:
        definition["container"]["docker"]["image"] = options.image
    errors = [one for one in lint(definition) if one.level == "E"]
    if errors:
        print("\n".join(map(str, errors)))
        return 1
    with Marathon.from_environment() as client:
        live = running_definition(client.find_app(absolute(definition)))
        decision = decide(live, definition, options.live_steps, options.wanted_steps)
        print(f"deploy {decision}", flush=True)
        if options.dry_run:
            return 0
        report = Deployer(client, pace=Pace(pull=options.pull)).deploy(definition, decision)
    print(report)
    print(json.dumps(report.facts, indent=2, default=str))
    return exit_code(report)


def exit_code(report: Report) -> int:
    """Return 0 for nothing found, 1 for findings, 2 when there was nothing to look at."""
    return 1 if report.findings else 2 if report.vacuous else 0


def show_deadline(options: argparse.Namespace) -> int:
    """Print the deadline of a definition and where it comes from."""
    definition = load(options.file)
    found = deadline_of(definition)
    print(f"{found.wave:g} s without progress, {found.total:g} s in all: {found.because}")
    print(f"two good polls, {soak_of(definition):g} s apart")
    return 0

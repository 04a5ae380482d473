"""The commands that talk to a Marathon: status, deploy, replace, deadline."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from harness.common.arguments import Parser
from harness.images.named import describe_unpinned
from harness.marathon import in_image, replacing
from harness.marathon.claim import require_others_unclaimed, require_unclaimed
from harness.marathon.client import Marathon
from harness.marathon.deadline import deadline_of, soak_of
from harness.marathon.definition import PULL_ALLOWANCE, App, image_of, load, mapping, text
from harness.marathon.deploy import Deployer
from harness.marathon.follow import CHECK, Pace, task_table
from harness.marathon.in_image import check_commands_in_image
from harness.marathon.interrupted import OngoingChange, report_if_interrupted
from harness.marathon.lint.catalogue import DIALECTS
from harness.marathon.preconditions import (
    dialect_of,
    need_alone,
    need_others_stopped,
    need_provable,
    objections,
)
from harness.marathon.rollback import absolute
from harness.marathon.rolling import Decision, decide_among, names_one_build
from harness.marathon.stopall import replace_all
from harness.verdict import Finding, Report


def add_commands(chosen: argparse._SubParsersAction[Parser]) -> None:
    """Declare the commands and their options."""
    status = chosen.add_parser("status", help="show what Marathon says about an app")
    status.add_argument("id", help="id of the app, such as /rt")
    status.set_defaults(run=show_status)
    deploy = chosen.add_parser("deploy", help="deploy, prove live, or roll back and prove that")
    _about_a_deploy(deploy)
    deploy.set_defaults(run=run_deploy, what="deploy", without_events=False)
    replace = chosen.add_parser(
        "replace",
        help="across a schema step: stop all, back up, upgrade once, start all",
        description=replacing.__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    _about_a_deploy(replace)
    replacing.add_arguments(replace)
    replace.set_defaults(run=run_replace, what="replace")
    deadline = chosen.add_parser("deadline", help="show how long a deployment may take")
    deadline.add_argument("file", type=Path, metavar="app.json")
    deadline.set_defaults(run=show_deadline)


def _about_a_deploy(parser: argparse.ArgumentParser) -> None:
    """Declare the options that `deploy` and `replace` share."""
    parser.add_argument("file", type=Path, metavar="app.json")
    parser.add_argument("--image", help="deploy this image instead of the one in the file")
    parser.add_argument("--live-steps", type=_names, metavar="A,B,...", help="upgrade steps of the live image")
    parser.add_argument("--wanted-steps", type=_names, metavar="A,B,...", help="upgrade steps of the wanted image")
    parser.add_argument(
        "--ask-images",
        action="store_true",
        help="read the upgrade steps that are not given from the images themselves, on this machine's engine",
    )
    parser.add_argument("--pull", type=float, default=PULL_ALLOWANCE, metavar="S", help="allowance for the pull")
    parser.add_argument(
        "--soak",
        type=float,
        metavar="S",
        help="seconds between the two good polls (three intervals of the health check, and its time-out)",
    )
    parser.add_argument(
        "--dialect", choices=DIALECTS, help="lint for this Marathon (default: what the one at hand says it is)"
    )
    parser.add_argument(
        "--beside",
        action="append",
        default=[],
        metavar="ID",
        help="an app that may run on the same database during a deploy; any other one that does is refused. "
        "During a replacement none may: scale it to 0 first",
    )
    parser.add_argument(
        "--ended",
        action="append",
        default=[],
        metavar="RUN",
        help="the replacement that the app's label RT_REPLACING names is over, and its database was seen to",
    )
    parser.add_argument(
        "--unseen-before",
        action="store_true",
        help="begin although no instance that runs now can be reached from this machine",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say how it would be deployed")


def _names(text: str) -> list[str]:
    """Return the names in a list with commas. Raises ArgumentTypeError for none: what was to list them failed."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError(
            f"{text!r} names no upgrade step, and every image of RT carries some: see why the command that was to "
            "list them did not, or leave the option out"
        )
    return names


def show_status(options: argparse.Namespace) -> int:
    """Print counts, tasks and deployments."""
    with Marathon.from_environment() as client:
        app = client.app(options.id)
        print(f"{app.id}  {app.image}  version {app.version_text}")
        print(
            f"{app.instances} wanted, {app.running} running, {app.healthy} healthy, "
            f"{app.unhealthy} unhealthy, {app.staged} staged"
        )
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
    """Lint, decide, deploy, prove. Return 0 for a proven deploy, 1 for findings, 2 if unproven."""

    def deploy(deployer: Deployer, definition: App, decision: Decision, version: str) -> Report:
        return deployer.deploy(definition, decision, decided_on=version)

    ongoing = OngoingChange()
    return report_if_interrupted(lambda: _carry_out(options, deploy, ongoing), lambda: ongoing.message)


def run_replace(options: argparse.Namespace) -> int:
    """Lint, decide, stop all, back up, upgrade, start all, prove; or roll back. Return as `run_deploy`."""

    def replace(deployer: Deployer, definition: App, decision: Decision, version: str) -> Report:
        database = replacing.steps(options, image_of(definition))
        return replace_all(
            deployer, definition, decision, database, decided_on=version, run=replacing.RUN, ended=options.ended
        )

    ongoing = OngoingChange()
    return report_if_interrupted(
        lambda: _carry_out(options, replace, ongoing), lambda: replacing.left_behind(ongoing)
    )


def _carry_out(
    options: argparse.Namespace, act: Callable[[Deployer, App, Decision, str], Report], ongoing: OngoingChange
) -> int:
    definition = load(options.file)
    if options.image:
        # Anything else that the file lacks is reported by lint.
        container = mapping(definition.get("container"))
        container["docker"] = mapping(container.get("docker")) | {"image": options.image}
        definition["container"] = container
    with Marathon.from_environment() as client:
        pace = Pace(pull=options.pull, soak=options.soak)
        deployer = Deployer(
            client,
            pace=pace,
            ongoing=ongoing,
            unseen_before=options.unseen_before,
            without_events=options.without_events,
        )
        dialect = options.dialect or dialect_of(text(client.info().get("version")))
        named = text(definition.get("id")).strip("/")  # lint reports a missing id
        now = client.find_app(absolute(definition)) if named else None
        running = deployer.running(now)
        live = running[0] if running else None
        errors, warnings = objections(definition, dialect, live)
        print("".join(f"{warning}\n" for warning in warnings), end="", file=sys.stderr)
        if errors:
            print("\n".join(map(str, errors)))
            return 1
        need_provable(definition)
        apps = client.apps()
        if options.what == "replace":
            need_others_stopped(definition, apps)
        else:
            need_alone(definition, apps, options.beside)
        require_unclaimed(absolute(definition), live, options.ended)
        require_others_unclaimed(definition, apps, options.ended)
        if options.what == "replace":
            replacing.need_running(options, live)
        decision = _decided(options, running, definition)
        print(f"{options.what} {decision}", flush=True)
        missing = _asked_of_image(options, running, definition)
        if missing:
            print("\n\n".join(map(str, missing)))
            return 1
        if options.dry_run:
            return 0
        report = act(deployer, definition, decision, now.version_text if now else "")
    print(report)
    print(json.dumps(report.facts, indent=2, default=str))
    return exit_code(report)


def _asked_of_image(options: argparse.Namespace, running: list[App], wanted: App) -> list[Finding]:
    """Return what the wanted image lacks; warn if its name may mean another image on the agents."""
    if not options.ask_images:
        return []
    for image in sorted({image_of(definition) for definition in (wanted, *running)} - {""}):
        if doubt := describe_unpinned(image):
            print(f"Not checked: {doubt}", file=sys.stderr)
    return check_commands_in_image(wanted, CHECK, lambda doubt: print(f"Not checked: {doubt}", file=sys.stderr))


def _decided(options: argparse.Namespace, running: list[App], wanted: App) -> Decision:
    """Decide with the given steps or, with --ask-images, with those that the images themselves name.

    --live-steps are those of the app's current image; tasks of another image may run beside it.
    """
    of_wanted = options.wanted_steps
    if options.ask_images and of_wanted is None:
        of_wanted = in_image.upgrade_steps(image_of(wanted))

    def steps(app: App) -> list[str] | None:
        if options.live_steps is not None and image_of(app) == image_of(running[0]):
            return list(options.live_steps)
        # A moving tag may name another build than the one that runs.
        known = options.ask_images and names_one_build(image_of(app)) and image_of(app)
        return in_image.upgrade_steps(image_of(app)) if known else None

    return decide_among([(app, steps(app)) for app in running], wanted, of_wanted)


def exit_code(report: Report) -> int:
    """Return 0 for no finding, 1 for findings, 2 if nothing was looked at or a question is open."""
    return 1 if report.findings else 0 if report else 2


def show_deadline(options: argparse.Namespace) -> int:
    """Print the deadline of a definition and how it is computed."""
    definition = load(options.file)
    found = deadline_of(definition)
    print(f"{found.wave:g} s without progress, {found.total:g} s in all: {found.because}")
    print(f"two good polls, {soak_of(definition):g} s apart")
    return 0

"""Whether a deploy may be rolling: decided by upgrade steps, labels and the image's guard, without a server."""

from __future__ import annotations

import copy
from argparse import Namespace
from typing import Any

import pytest

from harness.common.arguments import Parser
from harness.marathon import in_image
from harness.marathon.__main__ import main
from harness.marathon.commands import _decided, add_commands
from harness.marathon.definition import load
from harness.marathon.rolling import RollingRefusedError, decide, decide_among, names_one_build, require_rolling
from harness.releases import ROOT

GOOD: dict[str, Any] = load(ROOT / "marathon.json")

OLD_STEPS = ["4.4.5", "4.4.6"]
NEW_STEPS = ["4.4.5", "4.4.6", "4.5.0", "5.0.2", "5.0.3"]


def definition(schema: str | None = "5.0.3", **fields: Any) -> dict[str, Any]:
    """Return the repository's definition with another schema label or other fields."""
    app = copy.deepcopy(GOOD) | fields
    app["labels"]["RT_SCHEMA"] = schema
    return app


def of_image(tag: str, schema: str = "5.0.3") -> dict[str, Any]:
    """Return the definition with another image, as `deploy --image` makes it: the labels stay."""
    app = definition(schema)
    app["container"]["docker"]["image"] = f"registry.example.org/rt:{tag}"
    return app


def guarded(value: object) -> dict[str, Any]:
    """Return the definition with a value for the image's guard."""
    app = definition()
    app["env"]["RT_GUARD"] = value
    return app


def with_parameter(key: str, value: str) -> dict[str, Any]:
    """Return the definition with a parameter for docker."""
    app = definition()
    app["container"]["docker"]["parameters"] = [{"key": key, "value": value}]
    return app


@pytest.mark.parametrize(
    ("live", "wanted", "steps", "how"),
    [
        (None, definition(), (None, None), "first"),
        (definition(instances=0), definition("5.0.6"), (None, None), "first"),
        (definition(), definition(), (NEW_STEPS, NEW_STEPS), "rolling"),
        (definition(), definition(cpus=2), (None, None), "rolling"),
        (definition("4.4.6"), definition(), (OLD_STEPS, NEW_STEPS), "stop-all"),
        (definition("4.4.6"), definition(), (None, None), "stop-all"),
        (definition(None), definition(), (None, None), "stop-all"),
        (definition(), definition("4.4.6"), (NEW_STEPS, OLD_STEPS), "refused"),
        (definition("4.4.6"), definition("4.4.6"), (OLD_STEPS, NEW_STEPS), "refused"),
        (definition(), definition(), (OLD_STEPS, NEW_STEPS), "refused"),
        (definition(), of_image("5.0.7"), (None, None), "stop-all"),
        (definition(), of_image("5.0.7"), (None, NEW_STEPS), "stop-all"),
        (definition(), of_image("5.0.3-2"), (NEW_STEPS, NEW_STEPS), "rolling"),
        (definition("4.4.6"), definition(), ([], []), "stop-all"),
        (definition(), of_image("5.0.3-2"), ([], []), "stop-all"),
        (definition("4.4.6"), definition(), ([], NEW_STEPS), "stop-all"),
        (definition(), of_image("5.0.3-2"), (NEW_STEPS, []), "stop-all"),
        (definition(), of_image("5.0.7"), (NEW_STEPS, [*NEW_STEPS, "5.0.4"]), "refused"),
        (definition(), of_image("5.0.7", "5.0.4"), (NEW_STEPS, [*NEW_STEPS, "5.0.4"]), "stop-all"),
        (definition(), guarded("off"), (NEW_STEPS, NEW_STEPS), "refused"),
        (None, guarded("off"), (None, None), "refused"),
        (of_image("latest"), of_image("latest"), (None, None), "stop-all"),
        (of_image("latest"), of_image("latest"), (NEW_STEPS, NEW_STEPS), "rolling"),
        (definition(), definition(args=["sleep", "1"]), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), definition(args=["/opt/rt/run"]), (NEW_STEPS, NEW_STEPS), "rolling"),
        (definition(), definition(cmd="apache2 -D FOREGROUND"), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), definition(cmd="exec /opt/rt/run"), (NEW_STEPS, NEW_STEPS), "rolling"),
        (definition(), with_parameter("env", "RT_GUARD=off"), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), with_parameter("env", "RT_GUARD=on"), (NEW_STEPS, NEW_STEPS), "rolling"),
        (definition(), with_parameter("env-file", "/etc/rt"), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), with_parameter("entrypoint", "sh"), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), with_parameter("env", "RT_GUARD"), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), with_parameter("e", "RT_GUARD"), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), with_parameter("env", "RT_GUARD_KNOWN"), (NEW_STEPS, NEW_STEPS), "rolling"),
        (definition(), with_parameter("volumes-from", "other"), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), with_parameter("--volumes-from", "other:ro"), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), guarded({"secret": "guard"}), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), guarded("on"), (NEW_STEPS, NEW_STEPS), "rolling"),
    ],
)
def test_rolling_only_on_one_schema(live: Any, wanted: Any, steps: Any, how: str) -> None:
    """Equal steps roll; pending ones stop all; a downgrade, a wrong label, or no guard is refused.

    A label is trusted only if the image stays the same: --image changes the image and leaves the label.
    """
    assert decide(live, wanted, *steps).how == how


@pytest.mark.parametrize(
    "decision",
    [
        decide(definition("4.4.6"), definition(), OLD_STEPS, NEW_STEPS),
        decide(definition(), definition("4.4.6"), NEW_STEPS, OLD_STEPS),
    ],
)
def test_a_rolling_put_across_a_step_is_refused(decision: Any) -> None:
    """The error must give the reason and the alternative."""
    with pytest.raises(RollingRefusedError, match="must not roll") as caught:
        require_rolling(decision)
    assert caught.value.repair


def test_the_gravest_of_what_runs_decides() -> None:
    """After a deployment cancelled by force the app has the wanted definition, but older tasks run another one."""
    wanted = definition("5.0.6")
    same, older, newer = (wanted, None), (definition("4.4.6"), None), (definition("4.4.6"), OLD_STEPS)
    assert decide_among([same], wanted).how == "rolling"
    assert decide_among([same, older], wanted).how == "stop-all"
    assert decide_among([(wanted, NEW_STEPS), newer], wanted, ["4.4.5"]).how == "refused"
    assert decide_among([], wanted).how == "first"
    assert decide_among([same, ({"id": "/rt", "instances": 1}, None)], wanted).how == "stop-all", "forgotten"


@pytest.mark.parametrize(
    ("image", "one"),
    [("rt:5.0.3-1", True), ("host:5000/rt", False), ("rt:latest", False), ("rt@sha256:0a", True), ("", False)],
)
def test_which_names_lead_to_one_build(image: str, one: bool) -> None:
    """A registry's port must not be read as a tag."""
    assert names_one_build(image) is one


@pytest.mark.parametrize(("image", "how"), [("rt:latest", "stop-all"), ("rt:5.0.3-1", "rolling")])
def test_an_image_is_not_asked_about_another_build(monkeypatch: pytest.MonkeyPatch, image: str, how: str) -> None:
    """The running image came from the same tag weeks ago; the tag's present meaning says nothing about it."""
    monkeypatch.setattr(in_image, "upgrade_steps", lambda _: NEW_STEPS)
    live = definition()
    live["container"]["docker"]["image"] = image
    options = Namespace(ask_images=True, live_steps=None, wanted_steps=None)
    assert _decided(options, [live], live).how == how


@pytest.mark.parametrize("given", ["", ",", " , ,"])
@pytest.mark.parametrize("option", ["--live-steps", "--wanted-steps"])
def test_no_steps_are_wrong_usage(capsys: pytest.CaptureFixture[str], option: str, given: str) -> None:
    """They come from a command that failed; two empty lists are equal, and would roll across a step."""
    with pytest.raises(SystemExit) as ended:
        main(["deploy", "marathon.json", option, given])
    assert (ended.value.code, option in capsys.readouterr().err) == (3, True)


def test_steps_given_on_the_command_line_decide() -> None:
    """They are those of the two images, in their order; spaces and a comma at the end mean nothing."""
    parser = Parser()
    add_commands(parser.add_subparsers())
    wanted = ["--wanted-steps", ",".join(NEW_STEPS)]

    def how(old: str, label: str) -> str:
        options = parser.parse_args(["deploy", "marathon.json", "--live-steps", old, *wanted])
        return _decided(options, [definition(label)], definition()).how

    assert how(" 4.4.5, 4.4.6,", "4.4.6") == "stop-all"
    assert how(",".join(NEW_STEPS), "5.0.3") == "rolling"
    assert how(",".join(NEW_STEPS), "4.4.6") == "refused", "the label of what runs contradicts its steps"


def test_pending_steps_are_named() -> None:
    """They are the steps that the upgrade will apply."""
    assert decide(definition("4.4.6"), definition(), OLD_STEPS, NEW_STEPS).pending == ("4.5.0", "5.0.2", "5.0.3")

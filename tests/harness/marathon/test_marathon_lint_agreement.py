"""Lint and the stand-in must agree: what it refuses is an error in lint, and what it accepts is none.

The stand-in's rules and lint's were written independently, from the same source. They are compared for each
Marathon, also for 1.4, which knows fewer keys.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.marathon.lint import lint
from harness.marathon.standin.errors import ApiError
from harness.marathon.standin.normalize import normalize, parse
from harness.marathon.standin.validate import validate
from tests.harness.marathon.lint_cases import (
    BOTH_ONE,
    COMMAND,
    FORMS,
    HTTP,
    MESOS,
    NONE_KEPT,
    App,
    Caught,
    Change,
    Form,
    both,
    checks,
    container,
    docker,
    good,
    host,
    name,
    put,
    resident,
    single,
    two_networks,
    two_ports,
    under_mesos,
    user_network,
)
from tests.harness.marathon.lint_every_case import CATCHES, SILENT

ALLOWED = {"L03", "L04", "L07", "L10", "L22", "L24"}
"""Rules of level E about what Marathon accepts but what can never work, or not as intended."""
OF_A_PART = {("/version", "means a rollback and may come with the id alone")}
"""Errors in a partial PUT; in a whole definition Marathon ignores them."""
STANDIN_IS_STRICTER = {
    "LIKE needs a regular expression",  # its patterns are Python's, Marathon's are Java's
}


def refused(app: App, dialect: str) -> set[str]:
    """Return a stand-in's error for a POST of it in that dialect; empty if it accepts it."""
    try:
        validate(normalize(parse(copy.deepcopy(app), dialect=dialect)), dialect)
    except ApiError as error:
        details = error.body.get("details", [{"errors": [error.body["message"]]}])
        return {text for one in details for text in one["errors"]}
    return set()


def errors(app: App, dialect: str) -> set[tuple[str, str, str]]:
    """Return rule, place and text of the errors that lint finds."""
    return {(one.rule.id, one.where, one.what) for one in lint(app, dialect) if one.level == "E"}


def made(form: Form, *changes: Change) -> App:
    """Return the repository's definition in one form, after some changes."""
    app = good(form)
    for change in changes:
        change(app)
    return copy.deepcopy(app)  # values brought in by changes are shared


@pytest.mark.parametrize("case", [case for case in CATCHES if case.level == "E"], ids=name)
def test_what_lint_calls_an_error_is_refused(case: Caught) -> None:
    """An error that Marathon does not report would stop good deploys."""
    for form in case.forms:
        app = made(form, case.change)
        found = errors(app, form[0])
        explained = {one for one in found if one[0] in ALLOWED or one[1:] in OF_A_PART}
        assert refused(app, form[0]) or found == explained, (form, found)


@pytest.mark.parametrize("case", [*CATCHES, *SILENT], ids=name)
def test_what_is_refused_is_an_error(case: Any) -> None:
    """The reverse, for every definition of the tables, bad and good."""
    for form in case.forms:
        app = made(form, case.change)
        assert refused(app, form[0]) <= STANDIN_IS_STRICTER or errors(app, form[0]), form


RICH = both(
    put(
        secrets={"s": {"source": "x"}},
        fetch=[{"uri": "http://x"}],
        cmd="sleep 1",
        gpus=0,
        tty=True,
        unreachableStrategy={"inactiveAfterSeconds": 1, "expungeAfterSeconds": 2},
        dependencies=["/db"],
        acceptedResourceRoles=["*"],
        constraints=[
            ["hostname", "UNIQUE"],
            ["a", "GROUP_BY", "2"],
            ["b", "LIKE", "x"],
            ["c", "MAX_PER", "2"],
            ["d", "IS", "e"],
            ["f", "CLUSTER", "g"],
        ],
    ),
    lambda app: app["env"].update(SECRET={"secret": "s"}),
    lambda app: app["container"]["volumes"].append({"containerPath": "x", "secret": "s"}),
    docker(parameters=[{"key": "a", "value": "b"}]),
    two_ports,
    checks({**HTTP, "delaySeconds": 15, "ipProtocol": "IPv4"}, COMMAND, {**MESOS, "portIndex": None, "port": 80}),
)
BASES: list[Change] = [
    RICH,
    both(RICH, user_network("dmz")),
    both(RICH, host(portDefinitions=[{"port": 80, "name": "a", "protocol": "tcp"}, {"port": 81}], ports=[80, 81])),
    both(RICH, single(**NONE_KEPT)),
    both(RICH, resident, put(upgradeStrategy={**BOTH_ONE, **NONE_KEPT}, unreachableStrategy="disabled")),
    both(RICH, under_mesos, put(gpus=1), docker(pullConfig={"secret": "s"}), container(linuxInfo={})),
    both(RICH, under_mesos, two_networks),
]


def rich(form: Form, base: Change) -> App:
    """Return one of the bases in one form: 1.4 accepts less, and has no ports for an app under Mesos."""
    app = made(form, base)
    container = app["container"]
    if form[0] == "1.4":
        app["constraints"] = [one for one in app["constraints"] if one[1] != "IS"]
        container["volumes"] = [one for one in container["volumes"] if "secret" not in one]
        app["env"].pop("SECRET")
        if container.get("type") == "MESOS":
            app["healthChecks"] = app["healthChecks"][:1]
            del app["readinessChecks"], container["docker"]["portMappings"], container["docker"]["network"]
    elif container.get("type") == "MESOS" and form[1]:
        container["portMappings"] = container["docker"].pop("portMappings")
        del container["docker"]["network"]
        app.setdefault("networks", [{"mode": "container/bridge"}])
    return app


VALUES: list[Any] = [
    None,
    True,
    0,
    1,
    -1,
    1.5,
    0.5,
    70000,
    "",
    "a",
    "A",
    "tcp",
    "tcp,udp",
    "host",
    "BRIDGE",
    "USER",
    "MESOS",
    "DOCKER",
    "container",
    "container/bridge",
    "UNIQUE",
    "unique",
    "MAX_PER",
    "LIKE",
    "(",
    "2",
    "true",
    "disabled",
    "COMMAND",
    "HTTP",
    "MESOS_TCP",
    "IPv6",
    "..",
    "/",
    [],
    {},
    [{}],
    [[]],
    [1],
    ["a"],
    [None],
    {"a": None},
    {"secret": "other"},
    {"value": "x"},
    [80, 80],
    [{"port": 80}, {"port": 80}],
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield every path into a definition except the root."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in children:
        yield (*path, key)
        yield from places(one, (*path, key))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("base", BASES)
def test_rich_definitions_are_good_to_both(form: Form, base: Change) -> None:
    """Everything that is damaged below must be good before."""
    app = rich(form, base)
    assert not refused(app, form[0])
    assert not errors(app, form[0])


@given(st.sampled_from(BASES), st.sampled_from(FORMS), st.randoms(use_true_random=False), st.booleans())
@settings(deadline=None, max_examples=400)
def test_any_damage_that_is_refused_is_an_error(base: Change, form: Form, chance: Any, removed: bool) -> None:
    """If a stand-in refuses a rich definition with one value changed or removed, lint must report it."""
    app = rich(form, base)
    *way, last = chance.choice(list(places(app)))
    place: Any = app
    for key in way:
        place = place[key]
    if removed:
        del place[last]
    else:
        place[last] = copy.deepcopy(chance.choice(VALUES))
    assert refused(app, form[0]) <= STANDIN_IS_STRICTER or errors(app, form[0]), (form, way, last, place)

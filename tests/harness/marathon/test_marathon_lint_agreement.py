"""Lint and the stand-in agree: what is refused there has an error here, and what is good there has none.

The stand-in's rules and lint's were written apart from each other, from the same source. It knows no dialects of
input, so 1.4 is compared where Marathon 1.4 does not differ.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

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
    single,
    two_ports,
    under_mesos,
    user_network,
)
from tests.harness.marathon.test_marathon_lint import CATCHES, SILENT

ALLOWED = {"L03", "L04", "L07", "L10"}
"""Rules of level E about what Marathon takes and what can then never work, or not as it is meant."""
LINT_KNOWS_MORE = {
    ("/", "uris and fetch exclude each other"),
    ("/", "there is nothing to run: neither cmd, args nor a container with an image"),
    ("/", "networks and ipAddress exclude each other"),
    ("/version", "means a rollback and may come with the id alone"),
    ("/ports", "port 80 is given more than once"),
    ("/constraints(0)", "CLUSTER needs a value"),
    ("/upgradeStrategy/maximumOverCapacity", "must be 0 for an app whose tasks keep their place"),
}
"""Errors by AppValidation and SchedulingValidation of Marathon 1.5 that the stand-in does not know."""
STANDIN_IS_STRICTER = {
    "LIKE needs a regular expression",  # its own are Python's, Marathon's are Java's
    "may not be set in conjunction with uris",  # empty ones may
}


def refused(app: App) -> set[str]:
    """Why the stand-in answers a POST of it with an error: 422, or the reader's 500. Empty when it takes it."""
    try:
        validate(normalize(parse(copy.deepcopy(app))))
    except ApiError as error:
        details = error.body.get("details", [{"errors": [error.body["message"]]}])
        return {text for one in details for text in one["errors"]}
    except ValidationError as error:
        return {str(error)}
    return set()


def errors(app: App, dialect: str) -> set[tuple[str, str, str]]:
    """Rule, place and text of the errors that lint finds."""
    return {(one.rule.id, one.where, one.what) for one in lint(app, dialect) if one.level == "E"}


def made(form: Form, *changes: Change) -> App:
    """The repository's definition in one form, after some changes."""
    app = good(form)
    for change in changes:
        change(app)
    return copy.deepcopy(app)  # what changes bring in is shared


@pytest.mark.parametrize("case", [case for case in CATCHES if case.level == "E"], ids=name)
def test_what_lint_calls_an_error_is_refused(case: Caught) -> None:
    """An error that Marathon does not answer is no error: it would stop good deploys."""
    for form in case.forms:
        app = made(form, case.change)
        found = errors(app, form[0])
        explained = {one for one in found if one[0] in ALLOWED or one[1:] in LINT_KNOWS_MORE}
        assert refused(app) or found == explained or form[0] == "1.4", (form, found)


@pytest.mark.parametrize("case", [*CATCHES, *SILENT], ids=name)
def test_what_is_refused_is_an_error(case: Any) -> None:
    """The other way round, for every definition of the tables, bad and good."""
    for form in case.forms:
        app = made(form, case.change)
        assert refused(app) <= STANDIN_IS_STRICTER or errors(app, form[0]) or form[0] == "1.4", form


RICH = both(
    put(secrets={"s": {"source": "x"}}, fetch=[{"uri": "http://x"}], cmd="sleep 1", gpus=0, tty=True,
        unreachableStrategy={"inactiveAfterSeconds": 1, "expungeAfterSeconds": 2}, dependencies=["/db"],
        acceptedResourceRoles=["*"],
        constraints=[["hostname", "UNIQUE"], ["a", "GROUP_BY", "2"], ["b", "LIKE", "x"], ["c", "MAX_PER", "2"],
                     ["d", "IS", "e"], ["f", "CLUSTER", "g"]]),
    lambda app: app["env"].update(SECRET={"secret": "s"}),
    lambda app: app["container"]["volumes"].append({"containerPath": "x", "secret": "s"}),
    docker(parameters=[{"key": "a", "value": "b"}]),
    two_ports,
    checks({**HTTP, "delaySeconds": 15, "ipProtocol": "IPv4"}, COMMAND, {**MESOS, "portIndex": None, "port": 80}),
)  # fmt: skip
BASES: list[Change] = [
    RICH,
    both(RICH, user_network("dmz")),
    both(RICH, host(portDefinitions=[{"port": 80, "name": "a", "protocol": "tcp"}, {"port": 81}], ports=[80, 81])),
    both(RICH, single(**NONE_KEPT)),
    both(RICH, put(residency={"taskLostBehavior": "WAIT_FOREVER"}, upgradeStrategy={**BOTH_ONE, **NONE_KEPT})),
    both(RICH, under_mesos, put(gpus=1), docker(pullConfig={"secret": "s"}), container(linuxInfo={})),
]
VALUES: list[Any] = [
    None, True, 0, 1, -1, 1.5, 0.5, 70000, "", "a", "A", "tcp", "tcp,udp", "host", "BRIDGE", "USER", "MESOS",
    "DOCKER", "container", "container/bridge", "UNIQUE", "unique", "MAX_PER", "LIKE", "(", "2", "true", "disabled",
    "COMMAND", "HTTP", "MESOS_TCP", "IPv6", "..", "/", [], {}, [{}], [[]], [1], ["a"], [None], {"a": None},
    {"secret": "other"}, {"value": "x"}, [80, 80], [{"port": 80}, {"port": 80}],
]  # fmt: skip
NEWER_FORMS = [form for form in FORMS if form[0] != "1.4"]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path into a definition but the root."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in children:
        yield (*path, key)
        yield from places(one, (*path, key))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("base", BASES)
def test_rich_definitions_are_good_to_both(form: Form, base: Change) -> None:
    """All that is damaged below is good before."""
    app = made(form, base)
    if form[1]:
        app["container"]["docker"].pop("pullConfig", None)
    assert not refused(app)
    assert not errors(app, form[0]) or form[0] == "1.4"


@given(st.sampled_from(BASES), st.sampled_from(NEWER_FORMS), st.randoms(use_true_random=False), st.booleans())
@settings(deadline=None, max_examples=400)
def test_any_damage_that_is_refused_is_an_error(base: Change, form: Form, chance: Any, removed: bool) -> None:
    """One value of a rich definition is another one, or gone: whenever that is refused, lint has said so."""
    app = made(form, base)
    *way, last = chance.choice(list(places(app)))
    place: Any = app
    for key in way:
        place = place[key]
    if removed:
        del place[last]
    else:
        place[last] = copy.deepcopy(chance.choice(VALUES))
    assert refused(app) <= STANDIN_IS_STRICTER or errors(app, form[0]), (way, last, place)

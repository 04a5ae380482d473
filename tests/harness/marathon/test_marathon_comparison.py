"""Whether a PUT would change the running app: tested on definitions, and on a Marathon's answers about them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from harness.marathon.comparison import changes
from harness.marathon.lint.catalogue import parse_dialect
from harness.marathon.standin.errors import ApiError
from harness.marathon.standin.model import App as Stored
from harness.marathon.standin.normalize import normalize, parse
from harness.marathon.standin.render import app_json
from harness.marathon.standin.validate import validate
from tests.harness.marathon.lint_cases import (
    COMMAND,
    FORMS,
    HTTP,
    NEW_FORMS,
    OLD_FORMS,
    App,
    Change,
    Form,
    both,
    check,
    checks,
    docker,
    drop,
    good,
    host,
    labels,
    mappings,
    port,
    put,
    resident,
    single,
    two_ports,
    user_network,
    volume,
    without_container,
)
from tests.harness.marathon.lint_every_case import CATCHES, SILENT

MARATHONS = ["1.4", "1.6", "1.10"]
KINDS = [
    put(),
    both(two_ports, port(servicePort=0)),
    user_network("dmz"),
    host(),
    host(ports=[0, 8080]),
    single(),
    without_container,
    both(resident, put(upgradeStrategy=None)),
    put(uris=["http://a"]),
    both(mappings(), put(readinessChecks=[])),
    put(ports=[10002]),
    checks(HTTP, {**HTTP, "path": "/other", "portIndex": None}, {"protocol": "TCP", "port": 1}),
    put(args=[], constraints=[], env={}, labels={}, requirePorts=False, cpus=1, mem=128.0, executor=""),
]


def made(form: Form, *steps: Change) -> App:
    """Return the repository's definition in one form, after some changes."""
    app = good(form)
    for step in steps:
        step(app)
    return copy.deepcopy(app)


def stored(app: App, previous: Stored | None = None) -> Stored:
    """Return what a PUT stores if others have the first service ports. previous: the app before."""
    found = normalize(parse(copy.deepcopy(app)), {10000, 10002}, previous)
    validate(found)
    return found.replace(id="/rt")


def answer(app: App, marathon: str) -> App:
    """Return the answer of a Marathon of some version about it."""
    shown = app_json(stored(app), marathon)
    return shown | {"version": "2026-11-01T00:00:00.000Z", "versionInfo": {}, "tasksRunning": 2, "deployments": []}


@pytest.mark.parametrize("marathon", MARATHONS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_what_was_sent(kind: Change, form: Form, marathon: str) -> None:
    """Defaults, chosen ports, counts and the other dialect must count as no change."""
    app = made(form, kind)
    dialect = parse_dialect(form[0])
    if form[0] == "1.10":
        app["maxLaunchDelaySeconds"] = 3600  # the stand-in's default is that of 1.7
    assert changes(app, answer(app, marathon), dialect) == []
    assert changes(answer(app, marathon), answer(app, "1.6")) == []


def test_both_dialects_say_the_same() -> None:
    """Files are compared too, not only answers."""
    assert changes(good(NEW_FORMS[0]), good(OLD_FORMS[1])) == changes(good(OLD_FORMS[1]), good(NEW_FORMS[0])) == []
    assert "container" in changes(good(NEW_FORMS[0]), good(OLD_FORMS[1]), (1, 4))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("change", "keys"),
    [
        (put(instances=3), ["instances"]),
        (put(cpus=2), ["cpus"]),
        (docker(image="rt:2"), ["container"]),
        (docker(forcePullImage=True), ["container"]),
        (volume(mode="RW"), ["container"]),
        (port(servicePort=10007), ["container"]),
        (two_ports, ["container"]),
        (drop("env"), ["env"]),
        (lambda app: app["env"].pop("RT_GUARD"), ["env"]),
        (labels(RT_SCHEMA=None), ["labels"]),
        (put(healthChecks=[]), ["healthChecks"]),
        (check(), ["healthChecks"]),
        (put(readinessChecks=[]), ["readinessChecks"]),
        (drop("upgradeStrategy"), ["upgradeStrategy"]),
        (put(unreachableStrategy="disabled"), ["unreachableStrategy"]),
        (put(constraints=[["hostname", "UNIQUE"]], cmd="x y"), ["cmd", "constraints"]),
        (host(), ["container", "networks", "portDefinitions", "readinessChecks"]),
    ],
)
def test_a_change_is_seen_both_ways(form: Form, change: Change, keys: list[str]) -> None:
    """Added, removed and changed keys must be found, compared with a Marathon's answer."""
    before, after = made(form, drop("maxLaunchDelaySeconds")), made(form, drop("maxLaunchDelaySeconds"), change)
    assert changes(after, answer(before, "1.6"), (1, 6) if form[0] == "1.10" else parse_dialect(form[0])) == keys
    assert changes(before, answer(after, "1.6"), (1, 6) if form[0] == "1.10" else parse_dialect(form[0])) == keys


def test_a_port_that_marathon_chose_is_kept_but_not_one_that_was_given() -> None:
    """0 requests any service port; a number requests that one, and 0 after it does not request another."""
    any_port, live = made(NEW_FORMS[0], port(servicePort=0)), made(NEW_FORMS[0], port(servicePort=10003))
    assert changes(any_port, live) == []
    assert changes(made(NEW_FORMS[0], port(servicePort=10004)), live) == ["container"]


def test_sets_have_no_order_and_lists_have() -> None:
    """The order counts only where it does for Marathon."""
    one, other = made(NEW_FORMS[0], checks(HTTP, COMMAND)), made(NEW_FORMS[0], checks(COMMAND, HTTP))
    assert changes(one, other) == []
    fetch = [{"uri": "http://a"}, {"uri": "http://b"}]
    assert changes({"fetch": fetch}, {"fetch": fetch[::-1]}) == ["fetch"]


def test_ids_that_are_depended_on_are_meant_from_the_root() -> None:
    """Marathon answers with absolute ids, and a deploy must recognise its own definition in them."""
    assert changes({"dependencies": ["db", "../a/b", "/c"]}, {"dependencies": ["/c", "/db", "/a/b"]}) == []
    assert changes({"dependencies": ["a/db"]}, {"dependencies": ["/db"]}) == ["dependencies"]


# Role and residency are compared only if both sides have them; the stand-in knows residency by its key alone.
ELSEWHERE = {"role", "residency", "unreachableStrategy", "instances"}


@given(st.sampled_from([*CATCHES, *SILENT]), st.sampled_from([*CATCHES, *SILENT]), st.sampled_from(FORMS))
@settings(deadline=None, max_examples=300)
def test_it_sees_what_the_stand_in_would_restart(one: Any, other: Any, form: Form) -> None:
    """Two definitions of the lint tables must differ in exactly the keys in which their stored forms do."""
    assume(all(form in case.forms for case in (one, other)))
    wanted, live = (made(form, case.change) for case in (one, other))
    try:
        before = stored(live)
        after = stored(wanted, before).configuration()
    except (ApiError, ValidationError):
        return
    differing = {to_camel(key) for key, value in before.configuration().items() if after[key] != value}
    assert set(changes(wanted, app_json(before))) - ELSEWHERE == differing - ELSEWHERE

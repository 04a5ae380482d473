"""A scratch deploy must reach neither the public balancer nor the production database, on any Marathon."""

from __future__ import annotations

import copy
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from fixtures import gate
from fixtures.gate_plugin import REPORT_PROPERTY, OutcomePlugin
from fixtures.standin import Group
from harness.common.plan import Step
from harness.common.progress import Progress
from harness.errors import UsageError
from harness.marathon import scratch
from harness.marathon.definition import load
from harness.marathon.in_image import lint_errors
from harness.marathon.lint import lint
from harness.marathon.mounts import mounts_of, source_of
from harness.marathon.networking import ports_of
from harness.releases import ROOT
from harness.rt import SECRETS
from harness.rt.configuration import SITE_CONFIGURATION
from harness.upgrade.guard import KNOWN
from harness.verdict import Outcome, Report, Verdict

FILE = load(ROOT / "marathon.json")
PRODUCTION = FILE["container"]["volumes"][0]["hostPath"]
NAMED = {scratch.URL: "http://m:8080", scratch.IMAGE: "r.example.org/rt:1", scratch.FOLDER: "/opt/scratch"}


FILES = ("rt-db", "healthcheck.passwd")


def volume(inside: str, folder: str) -> dict[str, str]:
    """Return a volume of a definition."""
    return {"containerPath": inside, "hostPath": folder, "mode": "RO"}


def made(app: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a scratch definition of the file in the repository, or of another one."""
    return scratch.definition(app or FILE, image="r.example.org/rt:1", secrets="/opt/scratch")


def test_nothing_leads_to_production() -> None:
    """No balancer finds it, its secrets are others, and it is below the session's own group."""
    app = made()
    assert "HAPROXY" in json.dumps(FILE), "the file no longer has what is to be taken out"
    for word in ("HAPROXY", "servicePort", f'"hostPath": "{PRODUCTION}"'):
        assert word not in json.dumps(app), word
    assert all(port.service_port == port.host_port == 0 for port in ports_of(app))
    assert app["id"].startswith(f"{scratch.group()}/")
    assert app["container"]["volumes"][0]["hostPath"] == "/opt/scratch"
    assert app["container"]["docker"]["image"] == "r.example.org/rt:1"
    assert app["labels"] == {key: FILE["labels"][key] for key in ("RT_RELEASE", "RT_SCHEMA")}


@pytest.mark.parametrize("own", [{}, {"RT_SCRATCH": "0"}])
def test_files_of_the_site_choose_neither_database_nor_mail(own: dict[str, str]) -> None:
    """Site files are read last and may name production's, so the switch that pins both must be set."""
    app = copy.deepcopy(FILE)
    app["container"]["volumes"].append(volume(SITE_CONFIGURATION, "/srv/rt/site.d"))
    app["env"] |= own
    scratched = made(app)
    assert mounts_of(scratched)[SITE_CONFIGURATION] == "/srv/rt/site.d", "RT may not run without them"
    assert scratched["env"] == {**FILE["env"], scratch.PINNED: "1"}


@pytest.mark.parametrize("key", ["env", "e", "--env"])
def test_parameters_of_docker_do_not_undo_that(key: str) -> None:
    """They are words of a command line; what else they set, RT may not run without."""
    app, own = copy.deepcopy(FILE), {"key": key, "value": "OWN=1"}
    undoing = [{"key": key, "value": name} for name in ("RT_SCRATCH=0", "RT_SCRATCH", "RT_MAIL_COMMAND=/bin/x")]
    app["container"]["docker"]["parameters"] = [*undoing, own]
    assert made(app)["container"]["docker"]["parameters"] == [own]


ABOVE, HOST = SECRETS.rpartition("/")[0], "/srv/production/rt"
SPELLINGS: dict[str, tuple[list[dict[str, str]], dict[str, str]]] = {
    "a slash": ([volume(f"{SECRETS}/", HOST)], {}),
    "a way round": ([volume(f"{ABOVE}/../secrets//rt", HOST)], {}),
    "the folder above": ([volume(ABOVE, HOST.rpartition("/")[0])], {}),
    "file by file": ([volume(f"{SECRETS}/{name}", f"{HOST}/{name}") for name in FILES], {}),
    "a folder and a file": ([volume(SECRETS, HOST), volume(f"{SECRETS}/rt-db", f"{HOST}/rt-db")], {}),
    "-v": ([], {"volume": f"{HOST}:{SECRETS}:ro"}),
    "-v above": ([], {"v": f"{HOST.rpartition('/')[0]}/:{ABOVE}/"}),
    "--mount": ([], {"mount": f"type=bind,source={HOST},target={SECRETS},readonly"}),
    "--mount, quoted": ([], {"mount": f'type=bind,"Src={HOST}","Dst={SECRETS}/"'}),
}
"""Ways to mount production's secrets, all of which work: volumes, and parameters of docker."""


def spelt(volumes: list[dict[str, str]], parameters: dict[str, str]) -> dict[str, Any]:
    """Return the file with its secrets mounted in another way, and an unrelated mount that is to stay."""
    app = copy.deepcopy(FILE)
    app["container"]["volumes"] = [volume("/opt/rt/site.d", "/srv/rt/site.d"), *volumes]
    listed = [{"key": key, "value": value} for key, value in {"cap-add": "SYS_PTRACE", **parameters}.items()]
    app["container"]["docker"]["parameters"] = listed
    return app


@pytest.mark.parametrize("way", SPELLINGS)
def test_the_secrets_are_others_however_they_were_mounted(way: str) -> None:
    """Instances that serve production's database by mistake are healthy, but prove nothing about the copy."""
    app = made(spelt(*SPELLINGS[way]))
    assert HOST not in json.dumps(app), app["container"]
    assert [source_of(app, f"{SECRETS}/{name}") for name in FILES] == [f"/opt/scratch/{name}" for name in FILES]
    assert mounts_of(app) == {"/opt/rt/site.d": "/srv/rt/site.d", SECRETS: "/opt/scratch"}
    assert app["container"]["docker"]["parameters"] == [{"key": "cap-add", "value": "SYS_PTRACE"}]


@pytest.mark.parametrize("way", SPELLINGS)
@pytest.mark.parametrize("folder", [HOST, f"{HOST}/.", f"/srv//x/..{HOST[4:]}/"])
def test_production_s_folder_is_known_however_it_was_mounted(way: str, folder: str) -> None:
    """If named by mistake, it must be wrong usage instead of a scratch deploy."""
    with pytest.raises(UsageError, match="production database"):
        scratch.place(None, spelt(*SPELLINGS[way]), NAMED | {scratch.FOLDER: folder})


def test_what_another_container_lends_is_not_taken() -> None:
    """The other container's mounts are unknown; and a definition that mounts nothing gets its secrets."""
    app = spelt([], {"volumes-from": "rt-secrets:ro"})
    assert "volumes-from" not in json.dumps(made(app))
    del app["container"]["volumes"]
    assert mounts_of(made(app)) == {SECRETS: "/opt/scratch"}


def test_the_rest_is_deployed_as_it_is() -> None:
    """Checks, strategy and environment (except for the switch) are to be tried; the file is not changed."""
    before, app = copy.deepcopy(FILE), made()
    changed = {key for key in {*app, *FILE} if app.get(key) != FILE.get(key)}
    assert changed == {"id", "labels", "container", "env"}
    assert before == FILE
    assert [one.rule.id for one in lint(app) if one.level == "E"] == []


def test_other_ways_to_the_world_are_closed_too() -> None:
    """Addresses of other balancers, fixed ports, mail, and the old dialect."""
    app = copy.deepcopy(FILE)
    app["labels"] |= {"traefik.frontend.rule": "Host:rt", "HAPROXY_1_GROUP": "internal"}
    app["env"]["RT_MAIL_COMMAND"] = "/usr/sbin/sendmail"
    mappings = [{"containerPort": 80, "hostPort": 80, "servicePort": 10001, "labels": {"VIP_0": "/rt:80"}}]
    del app["container"]["portMappings"], app["networks"]
    app["container"]["docker"] |= {"network": "BRIDGE", "portMappings": mappings}
    text = json.dumps(made(app))
    assert [word for word in ("traefik", "HAPROXY", "sendmail", "10001", "VIP_0") if word in text] == []


@pytest.mark.parametrize(
    ("option", "variables", "url"),
    [
        (None, {}, ""),
        (None, {scratch.IMAGE: "x"}, ""),
        ("stand-in", NAMED, ""),
        (None, NAMED, "http://m:8080"),
        ("http://other:8080", NAMED, "http://other:8080"),
    ],
)
def test_one_place_decides(option: str | None, variables: dict[str, str], url: str) -> None:
    """The option overrides the variable, for client, definition and reservation alike."""
    found = scratch.place(option, FILE, variables)
    assert (found.url, found.real, bool(found.reservation())) == (url, bool(url), bool(url))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({scratch.IMAGE: ""}, "needs RT_IMAGE"),
        ({scratch.FOLDER: ""}, "needs RT_SCRATCH_SECRETS"),
        ({scratch.FOLDER: "relative"}, "absolute"),
        ({scratch.FOLDER: PRODUCTION + "/"}, "production database"),
    ],
)
def test_a_real_marathon_wants_to_be_told(changes: dict[str, str], told: str) -> None:
    """A default would be production's."""
    with pytest.raises(UsageError, match=told) as caught:
        scratch.place(None, FILE, NAMED | changes)
    assert caught.value.repair


def test_the_gate_says_so_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong usage is exit code 3, and no verdict."""
    for name in NAMED:
        monkeypatch.delenv(name, raising=False)
    assert gate.main(["--marathon-url", "http://127.0.0.1:9"]) == UsageError.exit_code
    assert "RT_SCRATCH_SECRETS" in capsys.readouterr().err


def test_a_reservation_makes_a_good_deploy_not_proven() -> None:
    """The report stays, and the reason is listed under what was not checked, in its own words."""
    outcome = Outcome()
    plugin = OutcomePlugin(outcome, Progress(io.StringIO(), Step("gate")), {}, {})
    said = scratch.place(None, FILE, NAMED).reservation()
    good = Report("marathon-deploy", "?", looked_at=2)
    plugin.pytest_runtest_logreport(
        pytest.TestReport(
            "x::test",
            ("x", 1, "test"),
            {},
            "skipped",
            ("x", 1, f"Skipped: {said}"),
            "call",
            user_properties=[(REPORT_PROPERTY, good.to_json())],
        )
    )
    plugin.pytest_sessionfinish()
    assert (outcome.verdict(), outcome.reports) == (Verdict.NOT_PROVEN, [good])
    assert outcome.unanswered == [f"Not answered: test. {said}"]
    assert "not what was deployed" in said


def test_what_lint_calls_an_error_is_a_finding() -> None:
    """The gate must lint before it deploys."""
    app = copy.deepcopy(FILE)
    assert lint_errors(app, "marathon-deploy") == []
    del app["networks"]
    (found,) = [one for one in lint_errors(app, "marathon-deploy") if "L07" in one.what]
    assert found.repair


@pytest.mark.parametrize(
    ("name", "asked"),
    [("tests/deploy/test_x.py::test", ["DELETE /v2/groups/rt-harness"]), ("tests/smoke/x.py", [])],
)
def test_the_empty_group_is_removed_where_it_was_used(name: str, asked: list[str]) -> None:
    """Marathon keeps groups without apps for ever; but a run that deployed nothing must not remove groups."""
    heard: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_DELETE(self) -> None:
            heard.append(f"DELETE {self.path}")
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        group = Group(f"http://127.0.0.1:{server.server_port}")
        group.pytest_runtest_logreport(pytest.TestReport(name, ("x", 1, "t"), {}, "passed", None, "call"))
        group.pytest_unconfigure()
        server.shutdown()
    assert [one.partition("-harness-")[0] + "-harness" for one in heard] == asked


def test_no_password_is_shown() -> None:
    """The command is in the report, so that it can be repeated."""
    for given_word, shown in (
        ("http://me:secret@m.example.org:8080/x", "http://m.example.org:8080/x"),
        ("--marathon-url=https://me:se=cret@m", "--marathon-url=https://m"),
        ("/backup/a@b.sql", "/backup/a@b.sql"),
        ("http://[me@x", "http://x"),
        ("--from", "--from"),
    ):
        assert scratch.without_password(given_word) == shown


@pytest.mark.parametrize(
    ("said", "needed", "told"),
    [
        ("", "Tickets.site_cost Users.site_badge", True),
        ("users.SITE_BADGE,Queues.other", "users.SITE_BADGE Queues.other Tickets.site_cost", True),
        ("Users.site_badge, Tickets.site_cost", "Users.site_badge, Tickets.site_cost", False),
    ],
)
def test_the_image_gets_the_sites_own_columns(said: str, needed: str, told: bool) -> None:
    """A scratch deploy that has them must not hide that production's definition lacks them."""
    app = made(FILE | {"env": FILE["env"] | ({KNOWN: said} if said else {})})
    remarks = scratch.add_own_columns(app, ("Tickets.site_cost", "Users.site_badge"))
    assert app["env"][KNOWN] == needed
    assert [needed in one for one in remarks] == [True] * told
    assert scratch.add_own_columns(made(), ()) == []

"""Run an RT release in a container: its command line tools or its web site.

`web` and `rest` (two versions with the interface of `rest_client`) use a `web_site`, `first_page` waits for it;
`configuration` is what a site brings, in the layouts that `siteconfig` knows; `health_user` creates an account for
health checks, `new_site` initialises an empty database; `perl_server` runs programs with RT already loaded,
`memoized` caches answers, `thaw` decodes Perl's frozen values.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import requests
from docker import DockerClient
from docker.types import Ulimit

from harness.common import cache
from harness.common.waits import wait_until
from harness.database import NAME, USER
from harness.database.address import Reachable
from harness.engine import session_network
from harness.engine.commands import CommandResult
from harness.engine.containers import Container
from harness.releases import VERSION, Release, parse
from harness.rt import siteconfig
from harness.rt.configuration import SITE_CONFIGURATION, Configuration
from harness.rt.first_page import FirstPage, OtherPageError
from harness.rt.perl_server import WarmPerl
from harness.rt.web_site import browser_session

SECRETS = "/opt/share/docker/secrets/rt"
PERL = ("perl", f"-I{SITE_CONFIGURATION}/lib", "-I/opt/rt/share/lib")
"""Perl with RT's libraries in the order in which its own programs have them: the site's own first."""
HTTP = 80
MAIL_SINK = "/opt/rt/mail-sink"
NOWHERE = "127.0.0.1"
"""Address without a database: the container's own, which refuses at once. A name would be resolved first."""
MOST_DATA = Ulimit(name="data", soft=4 << 30, hard=4 << 30)
"""Memory that a process may take, bytes: RT recurses without an end on odd data, and must not fell the machine."""
FEW_WORKERS = "2"
"""Number of Apache processes: each is slow on its first pages, and no test sends more than two requests a time."""
_TOOL = """
my $path = shift @ARGV;
$path = "/usr/local/bin/$path" unless $path =~ m{^/};
$0 = $path;
-r $path or do { print STDERR "$path: $!\\n"; exit 127 };
do $path;
if (my $death = $@) {
    $RT::Handle->Rollback(1) if $RT::Handle;
    $RT::Logger->crit($death) if $RT::Logger;
    print STDERR $death;
    exit 255;
}
"""
"""Runs one of RT's own programs in a process with RT's modules loaded, and exits with the program's exit code.

An error that ends the program is logged as RT logs it for a program that dies alone: within `do` it counts as
caught.
"""
LITTLE = 1_000_000
"""Maximum bytes of standard input for a program in the shared process, which gets them before each program."""
PATIENCE = 120.0
"""Seconds until a site must serve its login page."""
LOGIN_MARK = 'name="user"'
"""Part of RT's login form, in every release."""


def secret_files(host: str, password: str, *, port: int = 3306, healthcheck: str = "") -> list[tuple[str, bytes]]:
    """Return the secrets as the deployment mounts them: database settings and the health check's password."""
    settings = {
        "RT_DB_HOST": host,
        "RT_DB_PORT": str(port),
        "RT_DB_NAME": NAME,
        "RT_DB_USER": USER,
        "RT_DB_PASSWORD": password,
    }
    lines = "".join(f"{key}={value}\n" for key, value in settings.items())
    return [
        (f"{SECRETS}/rt-db", lines.encode()),
        (f"{SECRETS}/healthcheck.passwd", f"{healthcheck or secrets.token_hex(8)}\n".encode()),
    ]


class Rt:
    """A container of an RT release, connected to a database. `serve` starts the web site, else it idles.

    It exists from construction until `remove`, or for a `with` block.
    """

    def __init__(
        self,
        client: DockerClient,
        release: Release | str,
        image: str,
        database: Reachable | None,
        *,
        configuration: Configuration | None = None,
        serve: bool = False,
        healthcheck_password: str = "",
        environment: Mapping[str, str] | None = None,
        files: Iterable[tuple[str, bytes]] = (),
        **options: Any,
    ) -> None:
        """Start the container. database: None connects it to an address without a database."""
        self.release = release if isinstance(release, str) else release.version
        host = self.database_host = database.host if database else NOWHERE
        password = database.credentials.password if database else "none"
        own = secret_files(host, password, healthcheck=healthcheck_password)
        own += [session_network.NAMES, *(configuration or Configuration()).inside()]
        settings = {"SERVER_NAME": "localhost", "RT_WORKERS": FEW_WORKERS, "RT_MAIL_COMMAND": MAIL_SINK}
        settings |= environment or {}
        self.container = Container(
            client,
            image,
            "rt-site" if serve else "rt-tools",
            command=None if serve else ["sleep", "infinity"],
            environment=settings,
            files=[*own, *files],
            ports=[HTTP] if serve else [],
            **{"ulimits": [MOST_DATA], **options},
        )
        self._programs = 0
        plain = configuration is None or siteconfig.only_sets_options(configuration.files)
        self.warm = WarmPerl(self.container) if plain and not serve else None

    def __enter__(self) -> Self:
        """Return the container; the `with` block removes it at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def run(self, *command: str, limit: float = 120, **options: Any) -> CommandResult:
        """Run one of RT's tools, with empty standard input."""
        return self.container.run(command, limit=limit, **options)

    def need(self, *command: str, limit: float = 120, **options: Any) -> str:
        """Run a tool that must succeed; return its output. Raises ExecError."""
        return self.container.need(command, limit=limit, **options)

    def of_image(self, *command: str) -> str:
        """Return the output of a command about the image's own files, cached per image. Raises ExecError."""
        return str(cache.cached(lambda: self.need(*command), "of the image", self._image_id(), *command))

    def _image_id(self) -> str:
        return str(self.container.docker.attrs["Image"])

    def tool(self, *command: str, limit: float = 120, stdin: bytes = b"", private: bool = False) -> CommandResult:
        """Run one of the image's own Perl programs, by its path or its name in PATH. stdin: its standard input.

        private: whether its arguments must be in no list of processes; it then has no standard input.

        If a process has RT loaded already, the program runs there, which saves a second.
        """
        if self.warm and self.warm.begun and len(stdin) < LITTLE:
            done = self.warm.run(_TOOL, *command, limit=limit, stdin=stdin)
            if done is not None:
                return done
        if private:
            return self.perl_alone(_TOOL, *command, limit=limit)
        return self.run(*command, limit=limit, stdin=[stdin] if stdin else None)

    def perl(
        self, program: str, *arguments: str, limit: float = 300, heard: Callable[[str], None] | None = None
    ) -> CommandResult:
        """Run a Perl program with RT's libraries available; it loads and initialises RT itself.

        From the second program on, RT is loaded once for all of them. If the site's own files may change RT's
        modules, RT is loaded anew for each program.
        """
        self._programs += 1
        if self.warm and (self.warm.begun or self._programs > 1):
            done = self.warm.run(program, *arguments, limit=limit, heard=heard)
            if done is not None:
                return done
        return self.perl_alone(program, *arguments, limit=limit, heard=heard)

    def perl_alone(
        self, program: str, *arguments: str, limit: float = 300, heard: Callable[[str], None] | None = None
    ) -> CommandResult:
        """Run a Perl program in a process of its own, which reads the configuration and loads RT itself."""
        # The arguments are passed inside the program: command lines are readable by every user of the machine, and
        # passwords and keys are among the arguments.
        words = " ".join(one.encode(errors="surrogateescape").hex() or "-" for one in arguments)
        told = f"BEGIN {{ @ARGV = map {{ $_ eq '-' ? '' : pack 'H*', $_ }} qw({words}) }} {program}"
        return self.container.run([*PERL, "-"], stdin=[told.encode()], limit=limit, heard=heard)

    def warm_up(self) -> None:
        """Start to load RT for later Perl programs."""
        if self.warm:
            self.warm.begin()

    @property
    def url(self) -> str:
        """Return the address of the site as this machine reaches it, without a trailing slash."""
        host, port = self.container.address(HTTP)
        return f"http://{host}:{port}"

    def session(self) -> requests.Session:
        """Return an HTTP session with the headers of a browser that comes from the site's own pages."""
        return browser_session()

    def wait(self, timeout: float | None = None, *, form: bool = True) -> Rt:
        """Wait until the login page is served. timeout: seconds, by default PATIENCE.

        form: whether it must be RT's own form; if not, another page that the site steadily shows will do.
        Raises NotReadyError with the log.
        """
        limit = PATIENCE if timeout is None else timeout
        what = f"RT {self.release} serving its login page"
        page = FirstPage(lambda: self.url, LOGIN_MARK, what, self.container.evidence)
        try:
            wait_until(
                what,
                page.look,
                limit,
                interval=0.1,
                retry_on=(requests.RequestException,),
                gone=self.container.ended,
                evidence=self.container.evidence,
            )
        except OtherPageError:
            if form:
                raise
        return self

    def upgrade_steps(self) -> list[str]:
        """Return the names of the release's upgrade steps, oldest first."""
        names = self.of_image("ls", "/opt/rt/upgrade/").split()
        return sorted((name for name in names if VERSION.match(name)), key=parse)

    def structural_steps(self) -> list[str]:
        """Return the steps that change tables on this product.

        Steps that only add indexes do not prevent reading.
        """
        found = self.of_image(
            "sh", "-c", "cd /opt/rt/upgrade && ls -d */schema.mysql* 2>/dev/null || true"
        ).split()
        names = {path.partition("/")[0] for path in found}
        return [name for name in self.upgrade_steps() if name in names]

    def remove(self) -> None:
        """Remove the container."""
        if self.warm:
            self.warm.end()
        self.container.remove()

"""Check that RT in an image is identical, file by file, to its Debian packages.

An image with a missing, edited or additional file corresponds to no release: an upgrade that works with it proves
nothing about the next image.
"""

from __future__ import annotations

import re

from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.verdict import Report

CHECK = "image"
QUESTION = "Is the RT in the image what its packages brought?"
REPAIR = "build the image anew from its packages; changes belong into /opt/rt/site.d"
_INSTALLED = "dpkg-query -W -f '${db:Status-Abbrev} ${Package}\\n' 'request-tracker*' 'rt[45]-*'"
_PACKAGES = f"{_INSTALLED} | sed -n 's/^ii *//p'"
# Files that the image leaves out on purpose: see the dpkg configuration in image/rt/Dockerfile.
_LEFT_OUT = re.compile(r"^/usr/share/(?:man|doc|locale)/")
_OWN = "find /opt/rt/share/ ! -type d"
"""RT's code, pages and steps. RT also loads files there that no package brought: User_Local.pm, pages, steps."""
_LINE = re.compile(r"^(missing|\S{9})\s+(?:[a-z]\s+)?(/.*)$")


def check(tools: Rt) -> Report:
    """Compare every file of RT's packages with the package's checksum."""
    report = Report(CHECK, QUESTION, unit="files", repair=REPAIR)
    packages = tools.need("sh", "-c", _PACKAGES).split()
    if not packages:
        return report
    files = [line for line in tools.need("dpkg", "-L", *packages).splitlines() if not _LEFT_OUT.match(line)]
    report.looked_at = len(files)
    done = tools.run("dpkg", "--verify", *packages)
    if done.timed_out or done.code not in (0, 1):
        raise InfrastructureError(
            f"dpkg could not verify the packages (exit code {done.code}).", [("Errors", done.err)]
        )
    strange = [
        match for match in map(_LINE.match, done.out.splitlines()) if match and not _LEFT_OUT.match(match[2])
    ]
    for word, what in (("missing", "are missing"), ("", "are not as the package brought them")):
        paths = sorted(match[2] for match in strange if (match[1] == "missing") == bool(word))
        # Every deployment sets this one; the image makes it read-only, so that RT offers no installer.
        paths = [path for path in paths if not path.endswith("/RT_SiteConfig.pm")]
        _find(report, tools, what, paths)
    share = tools.need("readlink", "-f", "/opt/rt/share").strip()
    there = [path.replace("/opt/rt/share", share, 1) for path in tools.need("sh", "-c", _OWN).splitlines()]
    _find(report, tools, "are there that no package brought", sorted(set(there) - set(files)))
    return report


def _find(report: Report, tools: Rt, what: str, paths: list[str]) -> None:
    if paths:
        report.find(
            tools.release,
            f"{len(paths)} files of RT {what}",
            blocks=(("Files", "\n".join(paths)),),  # all of them: no SQL could show the others
        )

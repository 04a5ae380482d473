"""Find an image of the target that has other upgrade steps than its release.

RT applies the steps that it finds, whichever these are, and ends with `Done.`. Whatever else the harness reads of
the steps it reads in the same image, so that nothing else misses one that is not there.
"""

from __future__ import annotations

from harness.common.wording import amount
from harness.releases import promised_steps
from harness.rt import Rt
from harness.upgrade import expected_steps
from harness.upgrade.promised_steps import installed
from harness.verdict import Finding, Report


def judge(report: Report, target: Rt, path: tuple[str, str]) -> list[Finding]:
    """Hold the steps of the path in the target's image against those of its release.

    Return those of the findings that forbid the upgrade: steps are missing, or are applied that are none of RT's.
    """
    promised, found = promised_steps(target.release), installed(target)
    of_release, of_image = expected_steps(promised, *path), expected_steps(found, *path)
    report.looked_at += len(of_release)
    already = len(report.findings)
    fetch = f"build the image anew, or fetch the one that was built for RT {target.release}"
    if missing := [name for name in of_release if name not in found]:
        report.find(
            "image",
            f"the target's image lacks {amount(len(missing), 'upgrade steps')} of RT {target.release}: what they"
            " do would never be done",
            samples=tuple(f"step {name}" for name in missing),
            repair=f"{fetch}; look into /opt/rt/upgrade of what its Dockerfile begins with",
        )
    if more := [name for name in of_image if name not in promised]:
        report.find(
            "image",
            f"the target's image has {amount(len(more), 'upgrade steps')} that RT {target.release} has not",
            samples=tuple(f"step {name}" for name in more),
            repair=f"{fetch}; if the steps are your own, sign this off, and look at what the other checks find",
        )
    stops = report.findings[already:]
    if other := [name for name in of_release if name in found and found[name] != promised[name]]:
        report.find(
            "image",
            f"the files of {amount(len(other), 'upgrade steps')} are not those of RT {target.release}",
            samples=tuple(f"step {name}" for name in other),
            repair=f"{fetch}; where the package is a newer one, see what was changed, and write image/steps/"
            f"{target.release}.txt anew: .venv/bin/python -m harness.upgrade.promised_steps {target.release}",
        )
    return stops

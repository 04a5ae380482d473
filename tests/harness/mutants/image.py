"""Define changes by a build or by hand to RT's files; all can be planted together in one container."""

from __future__ import annotations

from dataclasses import dataclass

SHARE = "/opt/rt/share"
MISSING, EDITED, ADDED = "are missing", "are not as the package brought them", "are there that no package brought"


@dataclass(frozen=True)
class ImageMutant:
    """A defect of `path`, below SHARE. shell: the command that plants it. shows: words of the finding."""

    name: str
    reason: str
    path: str
    shell: str
    shows: str
    check: str = "image"


def _made(shows: str, name: str, path: str, command: str, reason: str) -> ImageMutant:
    return ImageMutant(name, reason, path, command.format(path=f"{SHARE}/{path}"), shows)


MUTANTS = (
    _made(MISSING, "file-missing", "html/Ticket/Display.html", "rm {path}", "a page that is not there"),
    _made(
        MISSING,
        "step-missing",
        "etc/upgrade/4.5.0/schema.mysql",
        "rm {path}",
        "a step without its files is skipped, and the upgrade ends with 0",
    ),
    _made(EDITED, "line-added", "lib/RT/Ticket.pm", "sed -i '$a # patched' {path}", "a patch by hand"),
    _made(EDITED, "byte-flipped", "lib/RT/Queue.pm", "sed -i '0,/;/s//:/' {path}", "of the same size"),
    _made(EDITED, "cut-off", "lib/RT/User.pm", "truncate -s 100 {path}", "a full disk while the image was built"),
    _made(EDITED, "emptied", "html/Search/Results.html", "truncate -s 0 {path}", "the same, at its worst"),
    _made(
        EDITED,
        "step-edited",
        "etc/upgrade/4.5.1/schema.mysql",
        "sed -i '1i -- altered' {path}",
        "the tables are made otherwise than the release makes them",
    ),
    _made(
        ADDED,
        "overlay",
        "lib/RT/User_Local.pm",
        "echo '1;' >{path}",
        "RT loads whatever is called so over its own code",
    ),
    _made(
        ADDED,
        "page-added",
        "html/NoAuth/Hello.html",
        "echo hello >{path}",
        "a page that no release has, for everybody to call",
    ),
    _made(ADDED, "step-added", "etc/upgrade/5.0.2/content.local", "echo '1;' >{path}", "nobody's files in a step"),
)

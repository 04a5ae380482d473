"""Build several images side by side, `python -m harness.images`; Ctrl-C ends that at once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from functools import partial

from harness import engine
from harness.common import private
from harness.common.arguments import Parser
from harness.common.notify import Notify
from harness.common.parallel import ATTENTION
from harness.engine import faults
from harness.errors import UsageError
from harness.images import CONCURRENT_BUILDS, Images, mmdebstrap
from harness.releases import releases, servers


def makers_of(images: Images, names: Sequence[str] = ()) -> dict[str, Callable[[], str]]:
    """Return a function for each image named ("rt-5.0.3", "mariadb-10.11"; none: all) that returns its tag.

    Raises UsageError for a name that is of no image.
    """
    makers: dict[str, Callable[[], str]] = {}
    for release in releases().values():
        makers[f"rt-{release.version}"] = partial(images.rt, release)
    for server in servers().values():
        makers[server.name] = partial(images.server, server)
    if unknown := set(names) - set(makers):
        raise UsageError(
            f"There is no image {', '.join(sorted(unknown))}.", repair=f"choose from: {', '.join(makers)}"
        )
    return {name: makers[name] for name in names or makers}


def build_together(makers: Mapping[str, Callable[[], str]], notify: Notify) -> dict[str, str]:
    """Build images by the functions of `makers_of`; return name to tag.

    After an error those not yet begun are left out, and it is raised when the others have ended. Raises
    KeyboardInterrupt at once, while builds still run in threads: the caller has to end the process. The engine
    ends a build that nobody listens to; only a finished one gets its tag.
    """
    pool = ThreadPoolExecutor(CONCURRENT_BUILDS)
    futures = {name: pool.submit(make) for name, make in makers.items()}
    try:
        # A signal that arrives just before a lock is taken is handled only after the wait: so no wait is longer.
        while wait(futures.values(), ATTENTION, FIRST_EXCEPTION).not_done and not _errors(futures):
            pass
        pool.shutdown(cancel_futures=True)
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        if left := [name for name, future in futures.items() if future.running()]:
            notify(f"left unfinished, so without a tag: {', '.join(left)}")
        mmdebstrap.end_all()
        raise
    for error in _errors(futures):
        raise error
    return {name: future.result() for name, future in futures.items()}


def _errors(futures: Mapping[str, Future[str]]) -> list[BaseException]:
    done = [future for future in futures.values() if future.done() and not future.cancelled()]
    return [error for future in done if (error := future.exception()) is not None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Build images: `python -m harness.images [NAME ...]`; print each name and tag."""
    parser = Parser(prog="python -m harness.images", description="Build the images that are not there yet.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as rt-5.0.3 or mariadb-10.11 (all of them)")
    names, start = parser.parse_args(arguments).names, time.monotonic()

    def notify(line: str) -> None:
        print(f"{time.monotonic() - start:6.1f} s  {line}", flush=True)

    def build() -> int:
        try:
            with contextlib.closing(engine.connect()) as client:
                made = build_together(makers_of(Images(client, notify), names), notify)
        finally:
            private.remove()
        print("\n".join(f"{name:14} {tag}" for name, tag in made.items()))
        return 0

    return faults.run_command("images", build)

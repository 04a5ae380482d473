#!/bin/sh
# Make .venv from the lock file. Costs nothing when it is already made from this very lock.
set -eu
cd "$(dirname "$0")/../.."
key=$(sha256sum requirements.lock | cut -c1-16)
stamp=.venv/.made-from-$key
[ -e "$stamp" ] && exit 0
[ -w . ] || {
    echo "setup: $(id -un) may not write in $PWD, where .venv is to be made. What to do: use a clone of your own." >&2
    exit 2
}
# One at a time: a second one would take the libraries away from under the first.
if command -v flock >/dev/null 2>&1; then
    exec 9>.venv.lock
    flock 9
    [ -e "$stamp" ] && exit 0
fi

python=${PYTHON:-}
for name in python3.11 python3.12 python3.13 python3; do
    [ -n "$python" ] || ! command -v "$name" >/dev/null 2>&1 || python=$name
done
[ -n "$python" ] || { echo "setup: Python 3.11 or newer is needed; install the package python3." >&2; exit 3; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { echo "setup: $python is older than 3.11; name a newer one with PYTHON=..." >&2; exit 3; }

echo "setup: Python libraries from requirements.lock into .venv (about 20 s, once)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
make_venv() { rm -rf .venv && "$python" -m venv .venv >>"$log" 2>&1; }
if ! make_venv; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "setup: installing python3-venv"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=300 python3-venv; } \
            >>"$log" 2>&1 || :
        make_venv || { cat "$log" >&2; echo "setup: no virtual environment could be made." >&2; exit 2; }
    else
        cat "$log" >&2
        echo "setup: install the package python3-venv, then run this again." >&2
        exit 2
    fi
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock >"$log" 2>&1 ||
    { tail -20 "$log" >&2; echo "setup: the Python libraries could not be installed." >&2; exit 2; }
touch "$stamp"

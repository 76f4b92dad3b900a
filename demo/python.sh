#!/bin/sh
# Prepare .venv for the demo and the tests: a Python that NetBox runs on, the packages of constraints.txt and the
# plugin itself, editable. Costs nothing when all is there. PYTHON names the interpreter to use.
set -eu
cd "$(dirname "$0")/.."

say() { echo "$*" >&2; }
fail() { say "$*"; exit 1; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; }
has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }
may_apt() { [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null; }

apt_install() {
    say "Installing $* with apt-get …"
    if ! log=$(apt-get update -q 2>&1 &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" 2>&1); then
        echo "$log" | tail -n 5 >&2
        return 1
    fi
}

debian_python_is_new_enough() {
    apt-get update -q >/dev/null 2>&1 || true
    minor=$(apt-cache policy python3 | sed -n 's/.*Candidate: 3\.\([0-9]*\).*/\1/p')
    [ "${minor:-0}" -ge 12 ]
}

# Versions that constraints.txt was tested with come first.
find_python() {
    for candidate in python3.13 python3.12 python3.14 python3 \
        "${HOME:-}"/.pyenv/versions/3.13*/bin/python "${HOME:-}"/.pyenv/versions/3.12*/bin/python \
        "${HOME:-}"/.pyenv/versions/*/bin/python; do
        if new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

wanted=$(cat constraints.txt pyproject.toml demo/python.sh 2>/dev/null | cksum)
stamp=.venv/hedgehog-stamp
if [ -z "${PYTHON:-}" ] && [ -x .venv/bin/python ] && [ "$(cat $stamp 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

if [ -n "${PYTHON:-}" ]; then
    new_enough "$PYTHON" || fail "PYTHON=$PYTHON is not Python 3.12 or newer."
    # Asked for by name: a .venv of another version makes room.
    version='import sys; print(sys.version_info[:2])'
    if [ -x .venv/bin/python ] && [ "$(.venv/bin/python -c "$version")" = "$("$PYTHON" -c "$version")" ]; then
        [ "$(cat $stamp 2>/dev/null)" = "$wanted" ] && exit 0
    else
        rm -rf .venv
    fi
fi

if ! { new_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
    if [ -n "${PYTHON:-}" ]; then
        python=$PYTHON
    elif ! python=$(find_python); then
        may_apt && debian_python_is_new_enough && apt_install python3 python3-venv && python=$(find_python) ||
            fail 'Python 3.12 or newer is needed, with its venv module. Install it, or name it: make PYTHON=/path/to/python'
    fi
    if ! has_venv "$python"; then
        package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
        may_apt && apt_install "$package" && has_venv "$python" ||
            fail "$python cannot make virtual environments. On Debian or Ubuntu: apt-get install $package"
    fi
    say "Creating .venv with $("$python" --version) …"
    rm -rf .venv
    "$python" -m venv .venv
fi

say 'Installing NetBox and what else constraints.txt pins (about a minute, once) …'
# Wheels only, so that nothing needs a compiler; crontab has none, is pure Python, and is built by setuptools as pinned.
pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip install --quiet --no-deps"
$pip --only-binary :all: "$(grep '^setuptools==' constraints.txt)"
$pip --no-build-isolation --only-binary :all: --no-binary crontab -r constraints.txt
if [ -e pyproject.toml ]; then
    # hatchling is one of the pinned packages.
    $pip --no-build-isolation -e .
fi
echo "$wanted" >$stamp

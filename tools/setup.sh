#!/bin/sh
# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0
# Find a CPython 3.10-3.13 that works and let it create the environment (.venv; --distro jazzy: .venv-jazzy).
# PYTHON=/path/to/python overrides the search.
set -eu
cd "$(dirname "$0")/.."

if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
    echo "setup: the ROS 2 wheels exist for Linux x86-64 only; on other machines install ROS 2 from apt (see README.md)" >&2
    exit 1
fi

# Run it: a version manager's shim is on PATH even where its Python is not installed.
probe='
import os, sys, sysconfig
version = sys.version_info[:2]
if sys.implementation.name != "cpython" or not (3, 10) <= version <= (3, 13):
    sys.exit("is not CPython 3.10-3.13")
name = "python%d.%d" % version
missing = []
try:
    import ensurepip, venv
except ImportError:
    missing.append(name + "-venv")
if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    missing.append(name + "-dev")
if missing:
    sys.exit("needs: sudo apt install " + " ".join(missing))
# In an activated environment, which may be the very one to be replaced: the Python that it was made from.
print(sys._base_executable)
'

lacking=
for candidate in ${PYTHON:+"$PYTHON"} ${PYTHON:-python3.11 python3.12 python3.13 python3.10 python3 /usr/bin/python3}; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    if answer=$("$candidate" -I -c "$probe" 2>&1); then
        exec "$answer" -I tools/setup_env.py "$@"
    fi
    case $answer in
        needs:*) [ -n "$lacking" ] || lacking="$candidate $answer" ;;
    esac
done
if [ -n "$lacking" ]; then
    echo "setup: $lacking" >&2
elif [ -n "${PYTHON:-}" ]; then
    echo "setup: PYTHON=$PYTHON is not a working CPython 3.10-3.13" >&2
else
    echo "setup: no CPython 3.10-3.13 found: sudo apt install python3 python3-venv python3-dev" >&2
fi
exit 1

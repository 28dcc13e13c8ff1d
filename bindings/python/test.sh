#!/bin/sh
# Tests the Python package against the library of this checkout (or EML_LIBRARY). PYTHON chooses the interpreter.
# The last line printed is "N passed, N failed".
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${PYTHON:-}" ]; then
    # Debian's own interpreter is the one that sees Debian's numpy.
    if [ -x /usr/bin/python3 ]; then PYTHON=/usr/bin/python3; else PYTHON=python3; fi
fi
export PYTHONDONTWRITEBYTECODE=1
exec "$PYTHON" -W error "$here/tests/run.py"

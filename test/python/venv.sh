#!/usr/bin/env bash
# Makes the Python environment of the tests when it is missing or its requirements have changed, and says where its programs are.
# Two that start at once wait for each other. Without it the tests that need it fail: they are never left out.
set -euo pipefail
cd "$(dirname "$0")"
exec 9> .venv.lock
flock 9
if ! cmp -s requirements.txt .venv/installed.txt; then
  python3 -m venv --clear .venv
  .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt >&2
  cp requirements.txt .venv/installed.txt
fi
echo "$PWD/.venv/bin"

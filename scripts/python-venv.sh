#!/usr/bin/env bash
# Makes a Python environment with the packages of a requirements file:
#   scripts/python-venv.sh DIR REQUIREMENTS
set -euo pipefail
dir=$1 requirements=$2
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  echo "installing Debian's python3-venv"
  apt-get update -qq && apt-get install -y -qq python3 python3-venv
fi
[ -x "$dir/bin/python" ] || python3 -m venv "$dir"
"$dir/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"

#!/usr/bin/env bash
# Makes a Python environment with the packages of a requirements file:
#   scripts/python-venv.sh DIR REQUIREMENTS
set -euo pipefail
dir=$1 requirements=$2
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  if ! command -v apt-get >/dev/null || ! command -v "${as_root[0]:-true}" >/dev/null; then
    echo "python3 lacks venv, and it cannot be installed from here: install Python 3.11 or later with venv" >&2
    exit 1
  fi
  echo "installing the system's python3-venv"
  "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -y -qq python3 python3-venv >/dev/null
fi
[ -x "$dir/bin/python" ] || python3 -m venv "$dir"
"$dir/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
